package main

import (
	"io"
	"net"
	"sync"
)

// proxy passes connections of the host on to an address of the router. The
// listener lives in the host's network namespace wherever it is used, the
// connections it makes in the router's.
func proxy(ln net.Listener, to string) {
	for {
		outside, err := ln.Accept()
		if err != nil {
			return
		}
		go func() {
			defer outside.Close()
			inside, err := net.Dial("tcp", to)
			if err != nil {
				return
			}
			defer inside.Close()
			join(outside.(*net.TCPConn), inside.(*net.TCPConn))
		}()
	}
}

// join copies both ways until both sides are done.
func join(a, b *net.TCPConn) {
	var both sync.WaitGroup
	for _, way := range [][2]*net.TCPConn{{a, b}, {b, a}} {
		both.Go(func() {
			_, _ = io.Copy(way[0], way[1])
			_ = way[0].CloseWrite()
		})
	}
	both.Wait()
}
