package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// slowReaders has hundreds of peers ask a byte at a time, or never read what
// they asked for, and a thousand ask at once.
func slowReaders(t *testing.T, v *victim) {
	before := v.witness.scrapes()
	hang := sync.OnceFunc(v.slowlyAsk(t, often(100, 400)))
	defer hang()
	unread := sync.OnceFunc(v.neverRead(t, 40))
	defer unread()
	time.Sleep(often(3*time.Second, 15*time.Second))
	// The race detector makes a scrape ten times slower, and all wait for one processor.
	eventually(t, "10 scrapes are answered meanwhile", func() bool { return v.witness.scrapes()-before >= 10 })
	unread()
	hang()
	v.witness.allowSilence(true)
	var wg sync.WaitGroup
	var answered atomic.Int64
	for range 1000 {
		wg.Go(func() {
			res, err := v.client.Get(v.address + "/metrics")
			if err != nil {
				t.Error(err)
				return
			}
			defer res.Body.Close()
			if _, err := io.Copy(io.Discard, res.Body); err != nil {
				t.Error(err)
			}
			switch res.StatusCode {
			case http.StatusOK:
				answered.Add(1)
			case http.StatusServiceUnavailable: // too many at once
			default:
				t.Error(res.Status)
			}
		})
	}
	wg.Wait()
	if answered.Load() == 0 {
		t.Error("none of 1,000 scrapes was answered")
	}
	eventually(t, "scrapes are answered as before", func() bool { _, err := v.fetch(); return err == nil })
	v.witness.allowSilence(false)
}

// slowlyAsk opens connections that send their requests a byte at a time.
func (v *victim) slowlyAsk(t *testing.T, n int) (stop func()) {
	request := "GET /metrics HTTP/1.1\r\nHost: router\r\nX: " + strings.Repeat("x", 1000)
	return v.peers(t, n, func(conn net.Conn) {
		for i := range len(request) {
			if _, err := conn.Write([]byte{request[i]}); err != nil {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
}

// neverRead opens connections that ask and ask and take no answer.
func (v *victim) neverRead(t *testing.T, n int) (stop func()) {
	return v.peers(t, n, func(conn net.Conn) {
		_ = conn.(*net.TCPConn).SetReadBuffer(4 << 10)
		for range 1000 {
			if _, err := fmt.Fprint(conn, "GET /metrics HTTP/1.1\r\nHost: router\r\n\r\n"); err != nil {
				return
			}
		}
	})
}

func (v *victim) peers(t *testing.T, n int, behave func(net.Conn)) (stop func()) {
	var conns []net.Conn
	var wg sync.WaitGroup
	for range n {
		conn, err := net.Dial("tcp", strings.TrimPrefix(v.address, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
		wg.Go(func() { behave(conn) })
	}
	return func() {
		for _, conn := range conns {
			conn.Close()
		}
		wg.Wait()
	}
}
