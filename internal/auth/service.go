package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"log/slog"
	"net"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/seal"
	"github.com/skanse/skanse/internal/store"
)

// Config holds what an installation may set. Zero values mean the defaults.
type Config struct {
	Argon2id Argon2id
	Idle     time.Duration // a session ends after so long without a request; 8 h: a shift
	Absolute time.Duration // and after so long in any case; 24 h
	LinkLife time.Duration // of a sign-in link; 24 h
	Now      func() time.Time
	SealKey  []byte   // of the data folder; nil: nobody enrols for a second step
	Hosts    []string // names under which browsers reach this server, besides localhost: passkeys belong to one

	// Dial makes outgoing connections, to directories and providers; nil: as the machine does.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	Log  *slog.Logger
}

// Service keeps users, sessions and links.
type Service struct {
	db     *store.DB
	cfg    Config
	clock  *clock
	hasher *hasher
	box    *seal.Box // nil: nothing is sealed or opened
	limit  limiter
	asks   chan struct{} // questions to directories under way
	begun  pendings[ssoPending]
	keys   pendings[keyPending]
	logout pendings[string] // by session: where it ends at the provider
}

// New makes a Service and writes the roles that are missing.
func New(ctx context.Context, db *store.DB, cfg Config) (*Service, error) {
	if cfg.Argon2id == (Argon2id{}) {
		cfg.Argon2id = DefaultArgon2id()
	}
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&cfg.Idle, 8*time.Hour)
	def(&cfg.Absolute, 24*time.Hour)
	def(&cfg.LinkLife, 24*time.Hour)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	c, err := loadClock(ctx, db, cfg.Now)
	if err != nil {
		return nil, err
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	box, err := openBox(cfg.SealKey)
	if err != nil {
		return nil, err
	}
	s := &Service{db: db, cfg: cfg, clock: c, box: box, hasher: newHasher(cfg.Argon2id), asks: make(chan struct{}, directoryAsks)}
	return s, db.Update(ctx, func(tx *store.Tx) error { return s.seedRoles(ctx, tx) })
}

// newToken makes 256 bits that nobody guesses, and the hash that is kept of them.
func newToken() (token, hash string) {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails, says crypto/rand
	token = base64.RawURLEncoding.EncodeToString(b[:])
	return token, hashToken(token)
}

func hashToken(token string) string {
	h := sha256.Sum256([]byte(token))
	return hex.EncodeToString(h[:])
}

// Now is the time by the clock that never goes back.
func (s *Service) Now() time.Time { return s.clock.now() }

// errSignIn is one answer for every wrong sign-in: it must not say which part was wrong.
func errSignIn() error {
	return ot.Errorf(ot.SignIn, "the e-mail address or the password is wrong")
}

func errLink() error {
	return ot.Errorf(ot.SignIn, "this link is not valid any more: ask an administrator for a new one")
}
