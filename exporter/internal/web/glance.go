package web

import (
	"bytes"
	"encoding/json"
	"sync"
	"time"
)

// glanceLife is how long a reading is as good as a new one.
const glanceLife = 900 * time.Millisecond

// glance is one reading, encoded once for all who want it.
type glance struct {
	*Document
	taken time.Time
	json  func() []byte // a line
}

// glances reads for all who ask at the same time, so that many who look cost no
// more readings than one.
type glances struct {
	live   func(history bool) *Reading
	router Router

	mu   sync.Mutex
	last [2]*glance // without and with history
}

// take gives a reading that is fresh. With patience it waits a second where no
// rate of this moment can be told otherwise, as is so long as readings are rare.
func (g *glances) take(history, patience bool) *glance {
	g.mu.Lock()
	defer g.mu.Unlock()
	kind := 0
	if history {
		kind = 1
	}
	if last := g.last[kind]; last != nil && time.Since(last.taken) < glanceLife {
		return last
	}
	r := g.live(history)
	if patience && r.Hook != "" && !r.tellsNow() {
		time.Sleep(time.Second)
		r = g.live(history)
	}
	d := newDocument(r, g.router)
	g.last[kind] = &glance{d, time.Now(), sync.OnceValue(func() []byte { return encode(d) })}
	time.AfterFunc(glanceLife, g.forget)
	return g.last[kind]
}

// forget lets go of a reading that is no longer shown.
func (g *glances) forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for kind, last := range g.last {
		if last != nil && time.Since(last.taken) >= glanceLife {
			g.last[kind] = nil
		}
	}
}

func encode(v any) []byte {
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(v); err != nil { // all types are ours and can be encoded
		panic(err)
	}
	return b.Bytes()
}
