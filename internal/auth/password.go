package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/skanse/skanse/internal/ot"
	"golang.org/x/crypto/argon2"
)

// Argon2id says how dear a password is to try. The numbers are kept with each hash,
// so raising them does not lock anybody out.
type Argon2id struct {
	Time    uint32
	Memory  uint32 // KiB
	Threads uint8
}

// DefaultArgon2id is the second recommendation of RFC 9106 for 64 MiB.
func DefaultArgon2id() Argon2id { return Argon2id{Time: 3, Memory: 64 << 10, Threads: 2} }

// parallelHashes bounds what sign-ins cost: 64 MiB each would else be a memory bomb
// on a machine of 1 GB.
const parallelHashes = 2

// hasher computes at most parallelHashes at a time.
type hasher struct {
	cost  Argon2id
	slots chan struct{}
	dummy string // hashed where no user is, so that both take as long
}

func newHasher(cost Argon2id) *hasher {
	h := &hasher{cost: cost, slots: make(chan struct{}, parallelHashes)}
	// Not the hash of anything: a right salt and a key that no password gives.
	h.dummy = h.format(cost, make([]byte, 16), make([]byte, 32))
	return h
}

func (h *hasher) key(ctx context.Context, password string, salt []byte, c Argon2id) ([]byte, error) {
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-h.slots }()
	return argon2.IDKey([]byte(password), salt, c.Time, c.Memory, c.Threads, 32), nil
}

func (h *hasher) format(c Argon2id, salt, key []byte) string {
	e := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.Memory, c.Time, c.Threads, e.EncodeToString(salt), e.EncodeToString(key))
}

func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails, says crypto/rand
	key, err := h.key(ctx, password, salt, h.cost)
	if err != nil {
		return "", err
	}
	return h.format(h.cost, salt, key), nil
}

// matches compares in the same time whether the user exists or not; stored empty never matches.
func (h *hasher) matches(ctx context.Context, stored, password string) (bool, error) {
	known := stored != ""
	if !known {
		stored = h.dummy
	}
	c, salt, want, err := parseHash(stored)
	if err != nil {
		return false, err
	}
	got, err := h.key(ctx, password, salt, c)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(got, want) == 1 && known, nil
}

// parseHash reads the usual text form, and refuses costs that nobody here ever chose.
func parseHash(s string) (c Argon2id, salt, key []byte, err error) {
	bad := ot.Errorf(ot.Damaged, "a stored password is damaged: give the person a new sign-in link")
	part := strings.Split(s, "$")
	if len(part) != 6 || part[1] != "argon2id" || part[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return c, nil, nil, bad
	}
	if n, err := fmt.Sscanf(part[3], "m=%d,t=%d,p=%d", &c.Memory, &c.Time, &c.Threads); n != 3 || err != nil ||
		c.Memory < 8*uint32(c.Threads) || c.Memory > 1<<20 || c.Time < 1 || c.Time > 100 || c.Threads < 1 {
		return c, nil, nil, bad
	}
	if salt, err = base64.RawStdEncoding.DecodeString(part[4]); err != nil || len(salt) < 8 {
		return c, nil, nil, bad
	}
	if key, err = base64.RawStdEncoding.DecodeString(part[5]); err != nil || len(key) != 32 {
		return c, nil, nil, bad
	}
	return c, salt, key, nil
}

// Length is what counts (NIST SP 800-63B); rules about digits make notes under keyboards.
const (
	minPassword = 12
	maxPassword = 256
)

// checkPassword refuses what is guessed first.
func checkPassword(password, name, email string) error {
	switch {
	case utf8.RuneCountInString(password) < minPassword:
		return ot.Errorf(ot.Invalid, "the password is too short: take at least %d characters, four words for example", minPassword)
	case len(password) > maxPassword:
		return ot.Errorf(ot.Invalid, "the password is longer than %d bytes", maxPassword)
	}
	low := strings.ToLower(password)
	user, _, _ := strings.Cut(strings.ToLower(email), "@")
	for _, guess := range []string{strings.ToLower(name), strings.ToLower(email), user, "skanse", "password"} {
		if len(guess) >= 4 && len(low)-len(guess) <= 6 && strings.Contains(low, guess) {
			return ot.Errorf(ot.Invalid, "the password is mostly a name that others know: take another one")
		}
	}
	first, _ := utf8.DecodeRuneInString(password)
	if strings.Trim(password, string(first)) == "" {
		return ot.Errorf(ot.Invalid, "the password is one character over and over: take another one")
	}
	return nil
}
