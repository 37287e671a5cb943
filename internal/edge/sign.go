package edge

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"fmt"

	"github.com/google/uuid"
	"github.com/skanse/skanse/internal/ot"
)

// Signed is something that the centre says and an edge can prove: a configuration,
// a rule bundle. The purpose is signed with it, so that one never passes for another.
type Signed struct {
	Purpose string `json:"purpose"` // "config", "rules", "order", each with the edge's id behind it
	Body    []byte `json:"body"`
	Sig     []byte `json:"sig"`
}

// Sign makes a Signed. The key is the centre's authority.
func Sign(key ed25519.PrivateKey, purpose string, body []byte) *Signed {
	return &Signed{Purpose: purpose, Body: body, Sig: ed25519.Sign(key, signedText(purpose, body))}
}

func signedText(purpose string, body []byte) []byte {
	sum := sha256.Sum256(body)
	return append([]byte("skanse-signed-1\n"+purpose+"\n"), sum[:]...)
}

// Verify returns the body if it was signed for this purpose.
func (s *Signed) Verify(key ed25519.PublicKey, purpose string) ([]byte, error) {
	if s.Purpose != purpose || len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, signedText(purpose, s.Body), s.Sig) {
		return nil, ot.Errorf(ot.Forbidden, "what claims to be %q is not signed by the centre of this edge: it is not used", ot.Printable(s.Purpose))
	}
	return s.Body, nil
}

// File is what crosses a data diode or on a stick: batches one way, a signed
// configuration and requests the other. The sender's certificate stands in it, its
// key signs all of it.
//
//	"SKF" version          1
//	purpose                uvarint length, bytes
//	edge                   16 bytes
//	no, made               uvarint, counts the files of a purpose; varint, µs
//	payload, certificate   uvarint length, bytes
//	signature              64 bytes over everything before it (Ed25519 over SHA-256)
type File struct {
	Purpose string
	Edge    uuid.UUID
	No      int64
	Made    int64
	Payload []byte
	Cert    []byte // DER
}

// The purposes of files.
const (
	FileBatches = "batches" // from an edge
	FileReplies = "replies" // to an edge: a Replies
)

// Replies is what a centre answers by file.
type Replies struct {
	Config  *Signed   `json:"config,omitempty"`
	Rules   *Signed   `json:"rules,omitempty"`
	Orders  []*Signed `json:"orders,omitempty"`
	Again   []Range   `json:"again,omitempty"`
	Epoch   string    `json:"epoch"`
	Cert    []byte    `json:"cert,omitempty"` // a new certificate, DER
	Proof   *Proof    `json:"proof,omitempty"`
	Now     int64     `json:"now"`
	Request int64     `json:"request"` // counts the requests
}

const (
	fileMagic   = "SKF"
	fileVersion = 1
	// MaxFile bounds a file; an export of more is several files.
	MaxFile = 64 << 20
	maxCert = 8 << 10
)

// Write signs the file.
func (f *File) Write(key ed25519.PrivateKey) []byte {
	out := append(append([]byte{}, fileMagic...), fileVersion)
	out = append(binary.AppendUvarint(out, uint64(len(f.Purpose))), f.Purpose...)
	out = append(out, f.Edge[:]...)
	out = binary.AppendUvarint(out, uint64(f.No))
	out = binary.AppendVarint(out, f.Made)
	out = append(binary.AppendUvarint(out, uint64(len(f.Payload))), f.Payload...)
	out = append(binary.AppendUvarint(out, uint64(len(f.Cert))), f.Cert...)
	sum := sha256.Sum256(out)
	return append(out, ed25519.Sign(key, sum[:])...)
}

// ReadFile reads a file and checks its signature with the certificate inside; who
// that is, is for the caller to judge.
func ReadFile(in []byte) (*File, *x509.Certificate, error) {
	f, cert, err := readFile(in)
	if err != nil {
		return nil, nil, ot.Errorf(ot.Invalid, "the file cannot be read: %w", err)
	}
	return f, cert, nil
}

func readFile(in []byte) (*File, *x509.Certificate, error) {
	if len(in) > MaxFile {
		return nil, nil, fmt.Errorf("it has %d bytes, at most %d are read", len(in), MaxFile)
	}
	r := &reader{in: in}
	if string(r.take(len(fileMagic))) != fileMagic {
		return nil, nil, fmt.Errorf("it does not begin with %s: it is no file of an edge", fileMagic)
	}
	if v := r.byte(); r.err == nil && v != fileVersion {
		return nil, nil, fmt.Errorf("it is of version %d, this program reads %d", v, fileVersion)
	}
	f := &File{Purpose: string(r.take(r.length(MaxKind)))}
	copy(f.Edge[:], r.take(16))
	f.No = int64(r.uint() & (1<<62 - 1))
	f.Made = r.int()
	f.Payload = r.take(r.length(MaxFile))
	f.Cert = r.take(r.length(maxCert))
	signed := len(in) - len(r.in)
	sig := r.take(ed25519.SignatureSize)
	if r.err != nil {
		return nil, nil, r.err
	}
	if len(r.in) > 0 {
		return nil, nil, fmt.Errorf("%d bytes stand behind its end", len(r.in))
	}
	cert, err := x509.ParseCertificate(f.Cert)
	if err != nil {
		return nil, nil, fmt.Errorf("its certificate: %w", err)
	}
	key, ok := cert.PublicKey.(ed25519.PublicKey)
	sum := sha256.Sum256(in[:signed])
	if !ok || !ed25519.Verify(key, sum[:], sig) {
		return nil, nil, fmt.Errorf("its signature is wrong: it was changed, or cut and mended")
	}
	return f, cert, nil
}
