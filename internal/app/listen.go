package app

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"

	"github.com/skanse/skanse/internal/ot"
)

// listener is a socket that knows whether it speaks TLS.
type listener struct {
	net.Listener
	cert, key string
}

func (l listener) serve(srv *http.Server) error {
	if l.cert == "" {
		return srv.Serve(l.Listener)
	}
	srv.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	return srv.ServeTLS(l.Listener, l.cert, l.key)
}

func listenTCP(ctx context.Context, addr, cert, key string) (listener, error) {
	if (cert == "") != (key == "") {
		return listener{}, ot.Errorf(ot.Invalid, "--tls-cert and --tls-key go together")
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return listener{}, ot.Errorf(ot.Invalid, "cannot listen on %s: %w; choose another address with --listen", addr, err)
	}
	return listener{Listener: l, cert: cert, key: key}, nil
}

// listenSocket opens the socket in the data folder, over which commands on this
// machine speak to the running server. Only the folder's owner can reach it.
func listenSocket(ctx context.Context, folder Folder) (listener, error) {
	path := folder.join("skanse.sock")
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return listener{}, ot.Errorf(ot.Internal, "clear the old socket: %w", err)
	}
	l, err := (&net.ListenConfig{}).Listen(ctx, "unix", path)
	if err != nil {
		return listener{}, ot.Errorf(ot.Invalid, "cannot make the socket %s: %w; a data folder's path may have 90 characters at most", path, err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		l.Close()
		return listener{}, ot.Errorf(ot.Internal, "protect the socket: %w", err)
	}
	return listener{Listener: l}, nil
}
