package care

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/pkg/sftp"
	"github.com/skanse/skanse/internal/ot"
	"golang.org/x/crypto/ssh"
)

// sshKeyFile is our key for the machine that keeps the snapshots: made here, its
// public half is what that machine's authorized_keys must hold. No password is kept.
const sshKeyFile = "snapshot-sftp.key"

func (s *Service) sshKey() (ssh.Signer, error) {
	path := filepath.Join(s.cfg.Folder, "keys", sshKeyFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		b, err = makeSSHKey(path)
	}
	if err != nil {
		return nil, ot.Errorf(ot.Invalid, "the key for SFTP: %w", err)
	}
	k, err := ssh.ParsePrivateKey(b)
	if err != nil {
		return nil, ot.Errorf(ot.Damaged, "the key for SFTP, %s, is not a key: remove it, and give the new public half to the other machine", path)
	}
	return k, nil
}

func makeSSHKey(path string) ([]byte, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(key, "skanse")
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // 0600
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone already if all went well
	b := pem.EncodeToMemory(block)
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return b, err
}

// PublicKey is what the other machine's authorized_keys must hold.
func (s *Service) PublicKey() (string, error) {
	k, err := s.sshKey()
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(k.PublicKey()))) + " skanse", nil
}

const sshTimeout = 20 * time.Second

func (t SFTP) address() string {
	port := t.Port
	if port == 0 {
		port = 22
	}
	return net.JoinHostPort(t.Host, strconv.Itoa(port))
}

// parseHostKey reads a public key as known_hosts, ssh-keyscan or a .pub file has it:
// perhaps with a host before it and a comment behind it.
func parseHostKey(line string) (ssh.PublicKey, error) {
	fields := strings.Fields(line)
	for i := range fields {
		if i+1 >= len(fields) || i > 2 {
			break
		}
		if k, _, _, _, err := ssh.ParseAuthorizedKey([]byte(strings.Join(fields[i:min(i+2, len(fields))], " "))); err == nil {
			return k, nil
		}
	}
	return nil, ot.Errorf(ot.Invalid, "the host key is not a public key: give the line of ssh-keyscan, such as ssh-ed25519 AAAA…")
}

// HostKey asks a machine for its key, for a person to compare with what its owner says.
func (s *Service) HostKey(ctx context.Context, t SFTP) (key, fingerprint string, err error) {
	var seen ssh.PublicKey
	stop := errors.New("seen")
	conn, err := s.dialSSH(ctx, t, &ssh.ClientConfig{User: "skanse", HostKeyCallback: func(_ string, _ net.Addr, k ssh.PublicKey) error {
		seen = k
		return stop
	}})
	if err == nil {
		_ = conn.Close() // nothing was asked of it
	}
	if seen == nil {
		return "", "", err
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(seen))), ssh.FingerprintSHA256(seen), nil
}

func (s *Service) dialSSH(ctx context.Context, t SFTP, cfg *ssh.ClientConfig) (*ssh.Client, error) {
	ctx, cancel := context.WithTimeout(ctx, sshTimeout)
	defer cancel()
	conn, err := s.cfg.Dial(ctx, "tcp", t.address())
	if err != nil {
		return nil, ot.Errorf(ot.Busy, "%s does not answer: %w", t.address(), err)
	}
	// The hand-shake knows no context: the connection's end is its end.
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline) // a connection that cannot is given up with the program
	}
	c, chans, reqs, err := ssh.NewClientConn(conn, t.address(), cfg)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	_ = conn.SetDeadline(time.Time{})
	return ssh.NewClient(c, chans, reqs), nil
}

// remote is a folder on another machine, by SFTP.
type remote struct {
	to  SFTP
	ssh *ssh.Client
	c   *sftp.Client
}

func (s *Service) openSFTP(ctx context.Context, t SFTP) (place, error) {
	key, err := s.sshKey()
	if err != nil {
		return nil, err
	}
	want, err := parseHostKey(t.HostKey)
	if err != nil {
		return nil, err
	}
	var other ssh.PublicKey
	client, err := s.dialSSH(ctx, t, &ssh.ClientConfig{
		User: t.User, Auth: []ssh.AuthMethod{ssh.PublicKeys(key)},
		HostKeyAlgorithms: algorithms(want.Type()), // or the machine may offer another of its keys first
		HostKeyCallback: func(_ string, _ net.Addr, k ssh.PublicKey) error {
			if !bytes.Equal(k.Marshal(), want.Marshal()) {
				other = k
				return errors.New("another host key")
			}
			return nil
		},
	})
	switch {
	case other != nil:
		return nil, ot.Errorf(ot.Forbidden, "%s shows another host key (%s) than the one set (%s): somebody may stand in between; ask its owner before you change the setting",
			t.address(), ssh.FingerprintSHA256(other), ssh.FingerprintSHA256(want))
	case err != nil && strings.Contains(err.Error(), "unable to authenticate"):
		return nil, ot.Errorf(ot.Forbidden, "%s does not let %s in with our key: put the public key of this page into its authorized_keys", t.address(), ot.Printable(t.User))
	case err != nil:
		return nil, ot.Errorf(ot.Busy, "SSH with %s fails: %w", t.address(), err)
	}
	// Concurrent writes may leave holes after an error: one after the other, as many as the window holds.
	c, err := sftp.NewClient(client, sftp.UseFstat(true))
	if err != nil {
		_ = client.Close()
		return nil, ot.Errorf(ot.Busy, "%s speaks SSH and no SFTP: %w", t.address(), err)
	}
	return &remote{t, client, c}, nil
}

// algorithms that a key of this type may sign with.
func algorithms(keyType string) []string {
	if keyType == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{keyType}
}

func (r *remote) String() string { return "sftp://" + r.to.User + "@" + r.to.address() + r.folder() }

func (r *remote) folder() string {
	if r.to.Folder == "" {
		return "/"
	}
	if !strings.HasPrefix(r.to.Folder, "/") {
		return "/~/" + r.to.Folder
	}
	return r.to.Folder
}

func (r *remote) path(name string) string { return path.Join(r.to.Folder, name) }

func (r *remote) Close() error {
	err := r.c.Close()
	if cerr := r.ssh.Close(); err == nil && !errors.Is(cerr, net.ErrClosed) && !errors.Is(cerr, io.EOF) {
		err = cerr
	}
	return err
}

// guard ends what waits for a dead connection when ctx ends.
func (r *remote) guard(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() { _ = r.ssh.Close() })
}

func (r *remote) Put(ctx context.Context, name string, size int64, in io.Reader) (err error) {
	defer r.guard(ctx)()
	if _, err := r.c.Lstat(r.path(name)); err == nil {
		return ot.Errorf(ot.Conflict, "%s exists already there", name)
	}
	part := r.path(name) + partSuffix
	w, err := r.c.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY)
	if err != nil {
		return placeError(err, r.String())
	}
	defer func() {
		if err != nil {
			_ = w.Close() // the first error is the one to tell
			_ = r.c.Remove(part)
			err = placeError(err, r.String())
		}
	}()
	n, err := w.ReadFrom(&ctxReader{ctx, in})
	if err != nil {
		return err
	}
	if err := w.Sync(); err != nil && !errors.Is(err, sftp.ErrSSHFxOpUnsupported) { // fsync@openssh.com is an extension
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	st, err := r.c.Stat(part)
	if err != nil {
		return err
	}
	if n != size || st.Size() != size {
		return ot.Errorf(ot.Internal, "%d of %d bytes arrived", st.Size(), size)
	}
	return r.c.Rename(part, r.path(name))
}

func (r *remote) Open(_ context.Context, name string) (io.ReadCloser, error) {
	f, err := r.c.Open(r.path(name))
	if err != nil {
		return nil, placeError(err, r.String())
	}
	return f, nil
}

func (r *remote) List(ctx context.Context) ([]string, error) {
	defer r.guard(ctx)()
	dir := r.to.Folder
	if dir == "" {
		dir = "."
	}
	entries, err := r.c.ReadDir(dir)
	if err != nil {
		return nil, placeError(err, r.String())
	}
	var out []string
	for _, e := range entries {
		if _, ok := timeOf(strings.TrimSuffix(e.Name(), partSuffix)); ok && e.Mode().IsRegular() {
			out = append(out, e.Name())
		}
	}
	return out, nil
}

func (r *remote) Remove(ctx context.Context, name string) error {
	defer r.guard(ctx)()
	if err := r.c.Remove(r.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return placeError(err, r.String())
	}
	return nil
}
