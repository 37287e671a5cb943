package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
)

// local is the API as commands on this machine use it: the running server over
// the socket in its data folder or, where none runs, a server of our own that
// holds the folder's lock meanwhile. Nobody but the folder's owner gets either.
type local struct {
	do   func(*http.Request) (*http.Response, error)
	stop func() error
}

// openLocal finds the server of a data folder or becomes it.
func openLocal(env *Env, data DataFlag) (*local, error) {
	folder := Folder(data.Data)
	s, err := openServer(env.Ctx, serverOptions{Data: folder, URL: data.url()}, newLog(env))
	if err == nil {
		return ownServer(env.Ctx, s), nil
	}
	if ot.CodeOf(err) != ot.Busy {
		return nil, err
	}
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", folder.join("skanse.sock"))
	}}}
	return &local{do: client.Do, stop: func() error { client.CloseIdleConnections(); return nil }}, nil
}

func ownServer(ctx context.Context, s *server) *local {
	system := auth.System()
	handler := s.router(&system).Handler()
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- s.work(ctx) }()
	return &local{
		do: func(r *http.Request) (*http.Response, error) {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, r)
			return w.Result(), nil
		},
		stop: func() error {
			cancel()
			err := <-done
			if closed := s.close(); err == nil {
				err = closed
			}
			return err
		},
	}
}

// call makes a request and reads the JSON answer into out; a problem becomes an error.
func (l *local) call(ctx context.Context, method, path string, body io.Reader, size int64, out any) error {
	r, err := http.NewRequestWithContext(ctx, method, "http://localhost"+rest.Prefix+path, body)
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	r.ContentLength = size
	w, err := l.do(r)
	if err != nil {
		return ot.Errorf(ot.Busy, "another process holds the data folder and does not answer on its socket: %w", err)
	}
	defer w.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(w.Body, 64<<20))
	if err != nil {
		return fmt.Errorf("read the server's answer: %w", err)
	}
	if w.StatusCode >= 300 {
		var p rest.Problem
		if json.Unmarshal(raw, &p) != nil || p.Detail == "" {
			return ot.Errorf(ot.Internal, "the server answered %s: %s", w.Status, ot.Printable(string(raw[:min(len(raw), 200)])))
		}
		return &ot.Error{Code: p.Code, Message: p.Detail}
	}
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(bytes.NewReader(raw)).Decode(out); err != nil {
		return fmt.Errorf("understand the server's answer: %w", err)
	}
	return nil
}

func jsonBody(v any) io.Reader {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // maps of strings always marshal
	}
	return bytes.NewReader(b)
}
