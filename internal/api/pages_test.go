package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/skanse/skanse/internal/api"
)

func TestPages(t *testing.T) {
	built := fstest.MapFS{
		"index.html":         {Data: []byte("<title>Skanse</title>")},
		"assets/app-1a2b.js": {Data: []byte("start()")},
		"icon.svg":           {Data: []byte("<svg/>")},
	}
	for _, c := range []struct {
		name, method, path string
		files              fstest.MapFS
		status             int
		body, cache        string
	}{
		{"the first page", "GET", "/", built, 200, "<title>Skanse", "no-cache"},
		{"a deep link", "GET", "/assets/0192f3aa", built, 200, "<title>Skanse", "no-cache"},
		{"a hashed file", "GET", "/assets/app-1a2b.js", built, 200, "start()", "public, max-age=31536000, immutable"},
		{"a hashed file of an older build", "GET", "/assets/app-0000.js", built, 404, "", ""},
		{"a file without a hash", "GET", "/icon.svg", built, 200, "<svg/>", ""},
		{"up and out", "GET", "/../../etc/passwd", built, 200, "<title>Skanse", "no-cache"},
		{"writing to a page", "POST", "/", built, 405, "", ""},
		{"a binary without the interface", "GET", "/", fstest.MapFS{}, 200, "make build", "no-cache"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			api.Pages(c.files).ServeHTTP(w, httptest.NewRequest(c.method, c.path, http.NoBody))
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.body) || w.Header().Get("Cache-Control") != c.cache {
				t.Fatalf("%s %s: %d %q, Cache-Control %q", c.method, c.path, w.Code, w.Body.String(), w.Header().Get("Cache-Control"))
			}
		})
	}
}
