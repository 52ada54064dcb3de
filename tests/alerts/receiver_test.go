package alerts

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
)

// alert is one alert of a notification.
type alert struct {
	Status              string
	Labels, Annotations map[string]string
}

// receiver takes what Alertmanager sends to a webhook.
type receiver struct {
	url string
	mu  sync.Mutex
	all []alert
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := new(receiver)
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var notification struct{ Alerts []alert }
	if err := json.NewDecoder(req.Body).Decode(&notification); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, notification.Alerts...)
}

// firing gives every time that an alert of this name came as firing.
func (r *receiver) firing(name string) []alert {
	return r.filter(func(a alert) bool { return a.Status == "firing" && a.Labels["alertname"] == name })
}

// except gives all alerts with other names.
func (r *receiver) except(names ...string) []alert {
	return r.filter(func(a alert) bool { return !slices.Contains(names, a.Labels["alertname"]) })
}

func (r *receiver) filter(keep func(alert) bool) (kept []alert) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range r.all {
		if keep(a) {
			kept = append(kept, a)
		}
	}
	return kept
}

// wait gives the first alert of a name.
func (r *receiver) wait(t *testing.T, name string) alert {
	t.Helper()
	if err := waitFor(t.Context(), func() bool { return len(r.firing(name)) > 0 }); err != nil {
		t.Fatalf("%s did not come; there came %v", name, r.except())
	}
	return r.firing(name)[0]
}
