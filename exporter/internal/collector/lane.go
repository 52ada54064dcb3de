package collector

import "sync"

// lanes is how many goroutines render a large scrape while what is ready is
// written, each of them every other part. Memory is bounded by their texts: two
// for each lane, of one part each.
const lanes = 2

// lane hands texts on from a renderer, and back when they are written.
type lane struct {
	renderer
	ready, free chan []byte
	text        []byte // where there is but one lane
}

// writeParts writes all parts in their order.
func (b *buffer) writeParts() error {
	if len(b.Clients) > 2*partClients {
		return b.writeSideBySide()
	}
	l := &b.lanes[0]
	for part := range b.parts() {
		l.text = l.render(&b.page, part, l.text[:0])
		if err := b.put(part, l.text); err != nil {
			return err
		}
	}
	return nil
}

func (b *buffer) writeSideBySide() error {
	stop := make(chan struct{})
	var rendering sync.WaitGroup
	defer rendering.Wait()
	defer close(stop)
	for i := range b.lanes {
		b.lanes[i].open()
		rendering.Go(func() { b.lanes[i].run(&b.page, i, stop) })
	}
	for part := range b.parts() {
		l := &b.lanes[part%lanes]
		text := <-l.ready
		if err := b.put(part, text); err != nil {
			return err
		}
		l.free <- text
	}
	return nil
}

func (l *lane) open() {
	if l.ready == nil {
		l.ready, l.free = make(chan []byte, 2), make(chan []byte, 2)
		l.free <- nil
		l.free <- nil
	}
}

// run renders every part of its lane, unless it is stopped before.
func (l *lane) run(p *page, first int, stop <-chan struct{}) {
	for part := first; part < p.parts(); part += lanes {
		select {
		case text := <-l.free:
			l.ready <- l.render(p, part, text[:0])
		case <-stop:
			return
		}
	}
}
