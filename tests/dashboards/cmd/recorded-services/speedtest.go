package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

const (
	speedtestName    = "www.speedtest.net"
	speedtestAddress = "203.0.113.1"
	speedtestPage    = "http://127.0.0.1:9798/"
)

// standForSpeedtest makes the internet stand for speedtest.net: the list of servers,
// which has one, and that server.
func (h *house) standForSpeedtest() error {
	cert, err := h.certificate(speedtestName)
	if err != nil {
		return fmt.Errorf("make a certificate of %s: %w", speedtestName, err)
	}
	err = h.Internet.Do(func() error {
		list, err := net.Listen("tcp", speedtestAddress+":443")
		if err != nil {
			return err
		}
		server, err := net.Listen("tcp", speedtestAddress+":8080")
		if err != nil {
			return err
		}
		go http.Serve(tls.NewListener(list, &tls.Config{Certificates: []tls.Certificate{cert}}), speedtestNet())
		go http.Serve(server, speedtestNet())
		return nil
	})
	if err != nil {
		return fmt.Errorf("stand for %s: %w", speedtestName, err)
	}
	hosts, err := h.write("hosts", speedtestAddress+" "+speedtestName+"\n")
	if err != nil {
		return err
	}
	if err := unix.Mount(hosts, "/etc/hosts", "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("have names of our own: %w", err)
	}
	return nil
}

// testLine has the exporter test the line, a new one each time: after as many tests as
// there are CPUs it measures nothing any more.
func (h *house) testLine(ctx context.Context) ([]byte, error) {
	p, err := h.run("speedtest_exporter", "-listen-address=127.0.0.1", "-port=9798")
	if err != nil {
		return nil, err
	}
	defer p.stop()
	if err := p.waitFor(context.WithoutCancel(ctx), speedtestPage); err != nil {
		return nil, err
	}
	return scraped(speedtestPage + "metrics")(ctx)
}

// certificate makes one, which the programs trust that are started later.
func (h *house) certificate(name string) (cert tls.Certificate, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return cert, err
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		return cert, err
	}
	file := filepath.Join(h.dir, "certificate.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644); err != nil {
		return cert, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, os.Setenv("SSL_CERT_FILE", file)
}

// speedtestNet answers what github.com/showwin/speedtest-go asks for.
func speedtestNet() http.Handler {
	answer := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/speedtest-config.php", answer(`<settings><client ip="203.0.113.2" lat="0" lon="0" isp="lab"/></settings>`))
	mux.HandleFunc("/api/js/servers", answer(`[{"id":"1","name":"lab","sponsor":"lab","country":"lab","lat":"0","lon":"0",
"host":"`+speedtestAddress+`:8080","url":"http://`+speedtestAddress+`:8080/speedtest/upload.php"}]`))
	mux.HandleFunc("/speedtest/latency.txt", func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(12*time.Millisecond + mathrand.N(3*time.Millisecond)) // it is as far away as such servers are
		_, _ = io.WriteString(w, "test=test\n")
	})
	mux.HandleFunc("/speedtest/upload.php", func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		_, _ = fmt.Fprintf(w, "size=%d", n)
	})
	mux.HandleFunc("/speedtest/", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 2e6)) }) // a picture
	return mux
}
