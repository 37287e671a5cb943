package comply

import (
	"fmt"

	"github.com/klauspost/compress/zstd"
	"github.com/skanse/skanse/internal/ot"
)

// packing compresses item sets and daily levels. Building one costs memory, so a Service has one.
type packing struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

// maxUnpacked bounds what a damaged or forged row may unfold to.
const maxUnpacked = 64 << 20

func newPacking() (*packing, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<17), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, fmt.Errorf("start compression: %w", err)
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxUnpacked))
	if err != nil {
		return nil, fmt.Errorf("start decompression: %w", err)
	}
	return &packing{enc, dec}, nil
}

func (p *packing) pack(b []byte) []byte { return p.enc.EncodeAll(b, nil) }

func (p *packing) unpack(b []byte) ([]byte, error) {
	out, err := p.dec.DecodeAll(b, nil)
	if err != nil {
		return nil, ot.Errorf(ot.Damaged, "stored evidence does not decompress: %w; restore it from a snapshot", err)
	}
	return out, nil
}
