package api_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/skanse/skanse/internal/api"
)

func TestPages(t *testing.T) {
	var packed bytes.Buffer
	zw := gzip.NewWriter(&packed)
	if _, err := zw.Write([]byte("start(3)")); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	built := fstest.MapFS{
		"index.html":          {Data: []byte("<title>Skanse</title>")},
		"assets/app-1a2b.js":  {Data: []byte("start()")},
		"assets/app-3c.js.gz": {Data: packed.Bytes()},
		"icon.svg":            {Data: []byte("<svg/>")},
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
		{"a packed file, for who takes none", "GET", "/assets/app-3c.js", built, 200, "start(3)", "public, max-age=31536000, immutable"},
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

func TestPackedPages(t *testing.T) {
	dist := fstest.MapFS{"assets/a.js.gz": {Data: []byte("\x1f\x8bpacked")}}
	q := httptest.NewRequest("GET", "/assets/a.js", http.NoBody)
	q.Header.Set("Accept-Encoding", "gzip, br")
	w := httptest.NewRecorder()
	api.Pages(dist).ServeHTTP(w, q)
	if w.Code != 200 || w.Body.String() != "\x1f\x8bpacked" || w.Header().Get("Content-Encoding") != "gzip" || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/javascript") {
		t.Errorf("%d %q %v", w.Code, w.Body.String(), w.Header())
	}
}
