package edge

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"hash/crc32"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/ot"
)

// Token is what a person carries from the centre to a new edge: where the centre
// is, the fingerprint of its authority, and a secret that opens it once. The secret
// never crosses the network: it is the seed of the key with which the edge opens
// its first TLS connection, and the centre knows only that key's public half.
type Token struct {
	Address string   // host:port of the centre's edge listener
	CA      [32]byte // SHA-256 of the authority's certificate
	Secret  [16]byte
	Issued  time.Time // a new edge without a clock knows from it that this much time has passed
	Expires time.Time
}

// TokenPrefix is what every token begins with, so that people and programs know one.
const TokenPrefix = "skanse-edge-"

// NewToken makes a token with a secret that nobody guesses.
func NewToken(address string, ca [32]byte, issued, expires time.Time) Token {
	t := Token{Address: address, CA: ca, Issued: issued.Truncate(time.Second), Expires: expires.Truncate(time.Second)}
	_, _ = rand.Read(t.Secret[:]) // never fails, says crypto/rand
	return t
}

// String is the token as people copy it.
func (t Token) String() string {
	b := append([]byte{1}, t.CA[:]...)
	b = append(b, t.Secret[:]...)
	b = binary.AppendVarint(b, t.Issued.Unix())
	b = binary.AppendVarint(b, t.Expires.Unix())
	b = append(b, t.Address...)
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	return TokenPrefix + base64.RawURLEncoding.EncodeToString(b)
}

// ParseToken reads a token. Spaces and line breaks of a terminal do no harm.
func ParseToken(s string) (t Token, err error) {
	s = strings.Join(strings.Fields(s), "")
	body, ok := strings.CutPrefix(s, TokenPrefix)
	if !ok {
		return t, ot.Errorf(ot.Invalid, "this is no token of an edge: it begins with %s", TokenPrefix)
	}
	b, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil || len(b) < 1+32+16+2+4 || len(b) > 500 || crc32.ChecksumIEEE(b[:len(b)-4]) != binary.BigEndian.Uint32(b[len(b)-4:]) {
		return t, ot.Errorf(ot.Invalid, "the token is damaged or not whole: copy it again from the centre")
	}
	if b[0] != 1 {
		return t, ot.Errorf(ot.Invalid, "the token is of version %d, this program reads 1: install the centre's version of Skanse", b[0])
	}
	r := &reader{in: b[1 : len(b)-4]}
	copy(t.CA[:], r.take(32))
	copy(t.Secret[:], r.take(16))
	t.Issued, t.Expires = time.Unix(r.int(), 0).UTC(), time.Unix(r.int(), 0).UTC()
	t.Address = string(r.in)
	if r.err != nil || t.Address == "" || t.Address != ot.Printable(t.Address) {
		return t, ot.Errorf(ot.Invalid, "the token is damaged: copy it again from the centre")
	}
	return t, nil
}

// Key is the key with which the token opens the centre.
func (t Token) Key() ed25519.PrivateKey {
	seed := sha256.Sum256(append([]byte("skanse-enrol-1"), t.Secret[:]...))
	return ed25519.NewKeyFromSeed(seed[:])
}

// KeyHash names a public key.
func KeyHash(key ed25519.PublicKey) string {
	h := sha256.Sum256(key)
	return hex.EncodeToString(h[:])
}
