package web

import "testing"

func TestTmp(t *testing.T) {
	w := get(t, newExample(), "/?sort=-name&q=a")
	t.Log(w.Code, w.Body.String())
	w = get(t, newExample(), "/client/d8:01:02:03:04:05")
	t.Log(w.Code, w.Body.String())
	w = get(t, newExample(), "/client/x")
	t.Log(w.Code, w.Body.String())
}
