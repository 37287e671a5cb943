package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/dissect/recognised"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/view"
	"go.yaml.in/yaml/v3"
)

// namedFile is where names that people gave on the page of unknown traffic stand, beside the *.yaml that they write themselves.
const namedFile = "named-here.yaml"

// naming takes names that people give to traffic that nobody recognised, and makes them entries of the site's own list.
type naming struct {
	folder string // recognised/ of the data folder
	mu     *sync.Mutex
}

// Routes mounts the naming.
func (n naming) Routes(r *rest.Router) {
	type body struct {
		Title     string `json:"title" minLength:"2" maxLength:"60" doc:"What people call it"`
		Transport string `json:"transport" enum:"tcp,udp,ether"`
		Port      int64  `json:"port" minimum:"1" maximum:"65535" doc:"Of the server; without IP the EtherType"`
		Client    string `json:"client_head" maxLength:"30" doc:"First bytes that the client always sends, as the list of unknown traffic has them"`
		Server    string `json:"server_head" maxLength:"30"`
	}
	type named struct {
		Protocol string `json:"protocol" doc:"As it will be called in lists"`
		File     string `json:"file" doc:"In the data folder"`
	}
	rest.Register(r, rest.Op{ID: "name-traffic", Method: http.MethodPost, Path: "/unknown-traffic/names", Summary: "Give unknown traffic a name: it is recognised from the next start on", Tag: "Conversations", Permission: auth.EdgeWrite, Audit: "traffic.name", Status: http.StatusCreated},
		func(ctx context.Context, in *struct{ Body body }) (*struct{ Body named }, error) {
			b := &in.Body
			id, err := n.add(b.Title, b.Transport, b.Port, b.Client, b.Server)
			if err != nil {
				return nil, err
			}
			rest.Detail(ctx, "protocol", id)
			return &struct{ Body named }{named{id, recognisedFolder + "/" + namedFile}}, nil
		})
}

// add writes an entry behind those that are there, if all of them can be read then.
func (n naming) add(title, transport string, port int64, client, server string) (string, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	title = strings.TrimSpace(ot.Printable(title))
	id := protocolID(title)
	if id == "" {
		return "", ot.Errorf(ot.Invalid, "a name needs a letter or a digit")
	}
	entry := view.RecognisedEntry(transport, port, client, server)
	if entry == "" {
		return "", ot.Errorf(ot.Invalid, "there is nothing to know it by: no first bytes that are always the same")
	}
	quoted, err := yaml.Marshal(title)
	if err != nil {
		return "", err
	}
	entry = strings.Replace(strings.Replace(entry, "NAME", id, 1), "TITLE", strings.TrimSpace(string(quoted)), 1)
	path := filepath.Join(n.folder, namedFile)
	old, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return "", fmt.Errorf("read the names of traffic: %w", err)
	default:
		_, entry, _ = strings.Cut(entry, "\n") // the list has begun
	}
	try, err := os.MkdirTemp("", "skanse-names-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(try)
	all := append(old, entry...)
	if err := os.WriteFile(filepath.Join(try, namedFile), all, 0o600); err != nil {
		return "", err
	}
	if _, err := recognised.With(try); err != nil {
		return "", ot.Errorf(ot.Invalid, "this cannot be recognised so: %w", err)
	}
	if err := os.MkdirAll(n.folder, 0o700); err != nil {
		return "", fmt.Errorf("make the folder of names: %w", err)
	}
	fresh := path + ".new"
	if err := os.WriteFile(fresh, all, 0o600); err != nil {
		return "", fmt.Errorf("write the names of traffic: %w", err)
	}
	return id, os.Rename(fresh, path)
}

// protocolID makes "line-4-scale" of "Line 4: scale".
func protocolID(title string) string {
	var b strings.Builder
	dash := false
	for _, c := range strings.ToLower(title) {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			if dash && b.Len() > 0 {
				b.WriteByte('-')
			}
			b.WriteRune(c)
			dash = false
		} else {
			dash = true
		}
	}
	id := b.String()
	return strings.Trim(id[:min(len(id), 32)], "-")
}
