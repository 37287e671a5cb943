package api

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

const notBuilt = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Skanse</title>
<p>The interface is not in this binary; the API under /api/v1 works.</p>
<p>Build it with <code>make build</code> and start again.</p></html>
`

// Pages serves the built interface from dist. Every path that is not a file is
// the application's own: a deep link gets index.html. Files under assets/ carry
// a hash in their name and may be kept for ever; index.html is asked for anew.
func Pages(dist fs.FS) http.Handler {
	index, err := fs.ReadFile(dist, "index.html")
	if err != nil {
		index = []byte(notBuilt)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			http.Error(w, "This address only answers GET.", http.StatusMethodNotAllowed)
			return
		}
		name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
		content, packed, err := read(dist, name, r)
		switch {
		case err == nil && name != "index.html":
			if packed {
				w.Header().Set("Content-Encoding", "gzip")
			}
			w.Header().Add("Vary", "Accept-Encoding")
			if strings.HasPrefix(name, "assets/") {
				w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
			}
			http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(content))
			return
		case errors.Is(err, fs.ErrNotExist) && path.Ext(name) != "" && strings.HasPrefix(name, "assets/"):
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Cache-Control", "no-cache")
		http.ServeContent(w, r, "index.html", time.Time{}, bytes.NewReader(index))
	})
}

// read gives a file's bytes. Scripts and styles lie in dist only compressed; they are sent so to
// whoever takes that.
func read(dist fs.FS, name string, r *http.Request) (content []byte, packed bool, err error) {
	content, err = fs.ReadFile(dist, name)
	if !errors.Is(err, fs.ErrNotExist) {
		return content, false, err
	}
	content, missing := fs.ReadFile(dist, name+".gz")
	if missing != nil {
		return nil, false, err
	}
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") && r.Header.Get("Range") == "" {
		return content, true, nil
	}
	zr, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		return nil, false, err
	}
	content, err = io.ReadAll(zr)
	return content, false, err
}
