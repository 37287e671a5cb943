package vuln

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/skanse/skanse/internal/store"
	"github.com/skanse/skanse/internal/vuln/csaf"
)

// brief is what evaluation keeps of an advisory beside its compiled form.
type brief struct {
	hash  string
	title string
	cves  []string
	score []float64
	vec   []string
}

// pack makes an advisory small: 2,379 of them take 5 MB.
func pack(a *csaf.Advisory) ([]byte, error) {
	var buf bytes.Buffer
	z, err := gzip.NewWriterLevel(&buf, gzip.BestSpeed)
	if err != nil {
		return nil, err
	}
	if err := json.NewEncoder(z).Encode(a); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}

func unpack(b []byte) (*csaf.Advisory, error) {
	z, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("read a stored advisory: %w", err)
	}
	a := &csaf.Advisory{}
	if err := json.NewDecoder(io.LimitReader(z, 4*csaf.MaxBytes)).Decode(a); err != nil {
		return nil, fmt.Errorf("read a stored advisory: %w", err)
	}
	return a, nil
}

// load brings new advisories and facts into memory. It holds mu only to put them in.
func (s *Service) load(ctx context.Context, r store.Reader) error {
	s.mu.Lock()
	seq, gen := s.seq, s.factGen
	s.mu.Unlock()
	type row struct {
		Seq  int64  `db:"seq"`
		Hash string `db:"hash"`
		Doc  []byte `db:"doc"`
	}
	for x, err := range store.Select[row](ctx, r, "SELECT seq, hash, doc FROM vuln_advisory WHERE seq > ? ORDER BY seq", seq) {
		if err != nil {
			return err
		}
		a, err := unpack(x.Doc)
		if err != nil {
			return err
		}
		s.put(a, x.Seq, x.Hash)
	}
	stored, err := store.All[int64](ctx, r, "SELECT value FROM vuln_state WHERE name = 'facts'")
	if err != nil {
		return err
	}
	now := int64(0)
	if len(stored) > 0 {
		now = stored[0]
	}
	if now == gen {
		return nil
	}
	facts := map[string]known{}
	type fact struct {
		CVE          string     `db:"cve"`
		KEV          store.Time `db:"kev_at"`
		Exploitation string     `db:"exploitation"`
		Automatable  string     `db:"automatable"`
		EPSS         float64    `db:"epss"`
		Score        float64    `db:"score"`
		Vector       string     `db:"vector"`
	}
	for f, err := range store.Select[fact](ctx, r, "SELECT cve, kev_at, exploitation, automatable, epss, score, vector FROM vuln_cve") {
		if err != nil {
			return err
		}
		facts[f.CVE] = known{!f.KEV.IsZero(), f.Exploitation, f.Automatable, f.EPSS, f.Score, f.Vector}
	}
	s.mu.Lock()
	s.facts, s.factGen = facts, now
	s.mu.Unlock()
	return nil
}

func (s *Service) put(a *csaf.Advisory, seq int64, hash string) {
	b := &brief{hash: hash, title: a.Title}
	for i := range a.Vulns {
		v := &a.Vulns[i]
		b.cves, b.score, b.vec = append(b.cves, v.CVE), append(b.score, v.Score), append(b.vec, v.Vector)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.corpus.Add(a)
	if n == len(s.ids) {
		s.ids, s.seqs = append(s.ids, a.ID), append(s.seqs, 0)
	}
	s.seqs[n] = seq
	s.docs[a.ID] = b
	s.seq = max(s.seq, seq)
}
