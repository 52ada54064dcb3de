package top

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/common/config"

	"router-monitoring/exporter/internal/web"
)

// maxAnswer is room for 65,536 clients with their history.
const maxAnswer = 256 << 20

// maxSilence is how long the stream may say nothing: it has a heartbeat of 15 s.
const maxSilence = 40 * time.Second

// api asks an exporter, here or on another router, as docs/api.md says.
type api struct {
	base *url.URL
	http *http.Client
}

func newAPI(o options) (*api, error) {
	base, err := url.Parse(o.url)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("--url: %q is no address like https://router.lan:9101", o.url)
	}
	c := config.HTTPClientConfig{FollowRedirects: true, TLSConfig: config.TLSConfig{CAFile: o.caFile, InsecureSkipVerify: o.insecure}}
	if base.User != nil {
		return nil, errors.New("--url: leave the name out of it and give it with --username, where no list of processes shows the password")
	}
	if o.username != "" {
		c.BasicAuth = &config.BasicAuth{Username: o.username, Password: config.Secret(o.password), PasswordFile: o.passwordFile}
	}
	client, err := config.NewClientFromConfig(c, "top")
	if err != nil {
		return nil, err
	}
	return &api{base, client}, nil
}

// clients reads everything once, with what was moved lately.
func (a *api) clients(ctx context.Context) (*web.Document, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	resp, err := a.get(ctx, "api/v1/clients?history=true")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var d web.Document
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(&d); err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", a.base, err)
	}
	return &d, nil
}

// stream calls show for each document that comes, until the stream ends.
func (a *api) stream(ctx context.Context, show func(*web.Document)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	silence := time.AfterFunc(maxSilence, cancel)
	defer silence.Stop()
	resp, err := a.get(ctx, "api/v1/stream")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, maxAnswer)
	for lines.Scan() {
		silence.Reset(maxSilence)
		data, found := bytes.CutPrefix(lines.Bytes(), []byte("data: "))
		if !found {
			continue
		}
		var d web.Document
		if err := json.Unmarshal(data, &d); err != nil {
			return fmt.Errorf("read the stream of %s: %w", a.base, err)
		}
		show(&d)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read the stream of %s: %w", a.base, err)
	}
	return fmt.Errorf("%s ended the stream", a.base)
}

// get asks for a path below the base, and explains a refusal.
func (a *api) get(ctx context.Context, path string) (*http.Response, error) {
	at := strings.TrimSuffix(a.base.String(), "/") + "/" + path
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return nil, err
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%w; is the exporter there? --url names another address", err)
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	return nil, a.refusal(resp)
}

func (a *api) refusal(resp *http.Response) error {
	switch resp.StatusCode {
	case http.StatusUnauthorized:
		return fmt.Errorf("%s wants another name or password; give them with --username and --password-file", a.base)
	case http.StatusNotFound:
		return fmt.Errorf("%s has no live page: it is off there (web.live: false), the version is older, or another program answers", a.base)
	}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 300))
	var said struct{ Error string }
	if json.Unmarshal(text, &said) != nil || said.Error == "" {
		said.Error = strings.TrimSpace(string(text))
	}
	return fmt.Errorf("%s: %s: %s", a.base, resp.Status, clean(said.Error))
}
