package ring

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/skanse/skanse/internal/ot"
)

// A file of the ring: a head, then chunks, each sealed by AES-256-GCM.
//
//	head   "SKRING1\n" 8, id of the file 16
//	chunk  length of what is sealed 4, packets 4, first number 8, last 8, first time 8, last 8, nonce 12, sealed
//
// The head and a chunk's own head are sealed with it: no chunk can be moved to
// another file or another place. The last chunk may be torn by a crash or a power
// cut; what stands before it is read.
const (
	fileSuffix = ".ring"
	fileMagic  = "SKRING1\n"
	headBytes  = len(fileMagic) + 16
	chunkHead  = 4 + 4 + 8 + 8 + 8 + 8 + 12
	nonceBytes = 12
	maxSealed  = blockBytes + 64
)

// file is what is known of one without opening its chunks.
type file struct {
	path        string
	size        int64
	packets     uint64
	first, last mark
	torn        bool // ends within a chunk
}

func (f *file) see(packets uint32, first, last mark) {
	if f.packets == 0 || first.at < f.first.at {
		f.first.at = first.at
	}
	if f.packets == 0 {
		f.first.number = first.number
	}
	f.packets += uint64(packets)
	f.last.number = max(f.last.number, last.number)
	f.last.at = max(f.last.at, last.at)
}

func sealer(key []byte) (cipher.AEAD, error) {
	b, err := aes.NewCipher(key)
	if err != nil {
		return nil, ot.Errorf(ot.Internal, "the key of the packet ring: %w", err)
	}
	return cipher.NewGCM(b)
}

// writer adds chunks to a file of its own.
type writer struct {
	file
	f    *os.File
	gcm  cipher.AEAD
	head [headBytes]byte
	n    uint64 // chunks
	buf  []byte
}

func newWriter(path string, key []byte) (*writer, error) {
	g, err := sealer(key)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make a file of the packet ring: %w", err)
	}
	w := &writer{file: file{path: path, size: int64(headBytes)}, f: f, gcm: g}
	copy(w.head[:], fileMagic)
	_, _ = rand.Read(w.head[len(fileMagic):]) // never fails, says crypto/rand
	if _, err := f.Write(w.head[:]); err != nil {
		f.Close()
		return nil, fmt.Errorf("write to the packet ring: %w", err)
	}
	return w, nil
}

func (w *writer) block(b *block) (int, error) {
	h := make([]byte, chunkHead)
	binary.LittleEndian.PutUint32(h, uint32(len(b.data)+w.gcm.Overhead()))
	binary.LittleEndian.PutUint32(h[4:], uint32(b.packets))
	for i, v := range []uint64{b.first.number, b.last.number, uint64(b.first.at), uint64(b.last.at)} {
		binary.LittleEndian.PutUint64(h[8+8*i:], v)
	}
	nonce := h[chunkHead-nonceBytes:]
	_, _ = rand.Read(nonce) // never fails, says crypto/rand
	w.buf = w.gcm.Seal(append(w.buf[:0], h...), nonce, b.data, sealedWith(w.head[:], w.n, h))
	w.n++
	n, err := w.f.Write(w.buf)
	w.size += int64(n)
	if err != nil {
		return n, fmt.Errorf("write to the packet ring: %w", err)
	}
	w.see(uint32(b.packets), b.first, b.last)
	return n, nil
}

func (w *writer) close() error {
	err := w.f.Sync()
	if cerr := w.f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("finish a file of the packet ring: %w", err)
	}
	return nil
}

func sealedWith(head []byte, n uint64, chunk []byte) []byte {
	return binary.LittleEndian.AppendUint64(append(slices.Clone(head), chunk[:chunkHead-nonceBytes]...), n)
}

// chunks reads a file: want says by the numbers and times of a chunk whether it
// is opened, use gets its records. A torn or damaged end is no error: f.torn says so.
func chunks(r io.Reader, key []byte, f *file, want func(first, last mark) bool, use func(records []byte) error) error {
	g, err := sealer(key)
	if err != nil {
		return err
	}
	head := make([]byte, headBytes)
	if _, err := io.ReadFull(r, head); err != nil || string(head[:len(fileMagic)]) != fileMagic {
		return ot.Errorf(ot.Damaged, "%s is not a file of a packet ring", f.path)
	}
	f.size = int64(headBytes)
	h := make([]byte, chunkHead)
	var sealed, open []byte
	for n := uint64(0); ; n++ {
		if _, err := io.ReadFull(r, h); err != nil {
			f.torn = !errors.Is(err, io.EOF)
			return nil
		}
		size := int(binary.LittleEndian.Uint32(h))
		if size < g.Overhead() || size > maxSealed {
			f.torn = true
			return nil
		}
		packets := binary.LittleEndian.Uint32(h[4:])
		first := mark{binary.LittleEndian.Uint64(h[8:]), int64(binary.LittleEndian.Uint64(h[24:]))}
		last := mark{binary.LittleEndian.Uint64(h[16:]), int64(binary.LittleEndian.Uint64(h[32:]))}
		sealed = slices.Grow(sealed[:0], size)[:size]
		if _, err := io.ReadFull(r, sealed); err != nil {
			f.torn = true
			return nil
		}
		if want(first, last) {
			open, err = g.Open(open[:0], h[chunkHead-nonceBytes:], sealed, sealedWith(head, n, h))
			if err != nil { // torn, another key, or somebody's work
				f.torn = true
				return nil
			}
			if err := use(open); err != nil {
				return err
			}
		}
		f.size += int64(chunkHead + size)
		f.see(packets, first, last)
	}
}

// scanFile reads the heads of a file's chunks, and opens the first one: a file of another key is none of ours.
func scanFile(path string, key []byte) (*file, error) {
	r, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open a file of the packet ring: %w", err)
	}
	defer r.Close()
	f, seen := &file{path: path}, 0
	err = chunks(r, key, f, func(mark, mark) bool { seen++; return seen == 1 }, func([]byte) error { return nil })
	if err == nil && seen > 0 && f.packets == 0 {
		err = ot.Errorf(ot.Damaged, "%s was sealed with another key", path)
	}
	return f, err
}
