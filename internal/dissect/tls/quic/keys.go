package quic

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// keys open a client's first packets (RFC 9001 clause 5.2, RFC 9369 clause 3.3).
// They protect nothing: whoever sees the packet can compute them.
type keys struct {
	aead   cipher.AEAD
	head   cipher.Block
	iv     [12]byte
	nonce  [12]byte
	mask   [16]byte
	packet [maxPDU]byte // a copy with the head in clear: the wire's bytes stay as they are
}

const (
	salt1 = "38762cf7f55934b34d179ae6a4c80cadccbb7f0a"
	salt2 = "0dede3def700a6db819381be6e269dcbf9bd2ed9"
)

func newKeys(version uint32, id []byte) *keys {
	salt, prefix := salt1, "quic "
	switch version {
	case version1:
	case version2:
		salt, prefix = salt2, "quicv2 "
	default:
		return nil // drafts have other salts, and are gone
	}
	raw, err := hex.DecodeString(salt)
	if err != nil {
		return nil
	}
	secret, err := hkdf.Extract(sha256.New, id, raw)
	if err != nil {
		return nil
	}
	client, err := expand(secret, "client in", 32)
	if err != nil {
		return nil
	}
	key, err1 := expand(client, prefix+"key", 16)
	iv, err2 := expand(client, prefix+"iv", 12)
	hp, err3 := expand(client, prefix+"hp", 16)
	if err1 != nil || err2 != nil || err3 != nil {
		return nil
	}
	block, err1 := aes.NewCipher(key)
	head, err2 := aes.NewCipher(hp)
	if err1 != nil || err2 != nil {
		return nil
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil
	}
	k := &keys{aead: aead, head: head}
	copy(k.iv[:], iv)
	return k
}

// expand is TLS 1.3's HKDF-Expand-Label without a context.
func expand(secret []byte, label string, n int) ([]byte, error) {
	info := []byte{byte(n >> 8), byte(n), byte(6 + len(label))}
	info = append(append(info, "tls13 "...), label...)
	return hkdf.Expand(sha256.New, secret, string(append(info, 0)), n)
}

// open decrypts a packet whose number begins at b[at:]; nil where it does not hold.
func (k *keys) open(b []byte, at int) []byte {
	if len(b) < at+4+16 || len(b) > len(k.packet) {
		return nil
	}
	p := k.packet[:copy(k.packet[:], b)]
	k.head.Encrypt(k.mask[:], p[at+4:at+20])
	p[0] ^= k.mask[0] & 0x0f
	n := int(p[0]&3) + 1
	for i := range n {
		p[at+i] ^= k.mask[1+i]
	}
	k.nonce = k.iv
	var number [8]byte
	copy(number[8-n:], p[at:at+n])
	v := binary.BigEndian.Uint64(number[:]) ^ binary.BigEndian.Uint64(k.nonce[4:])
	binary.BigEndian.PutUint64(k.nonce[4:], v)
	plain, err := k.aead.Open(p[at+n:at+n], k.nonce[:], p[at+n:], p[:at+n])
	if err != nil {
		return nil
	}
	return plain
}
