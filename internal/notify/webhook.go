package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// hook is what a webhook gets.
type hook struct {
	ID      string     `json:"id"`
	What    string     `json:"what"` // open, done, test
	MadeAt  store.Time `json:"made_at"`
	Version string     `json:"skanse"`
	Item    Content    `json:"item"`
}

const (
	hookWait   = 15 * time.Second
	hookAnswer = 64 << 10
)

// Sign is the signature that a webhook carries over its time and body: a receiver
// makes it anew and compares, and refuses a time that is more than five minutes off.
func Sign(key, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	_, _ = mac.Write([]byte(timestamp + ".")) // a hash does not fail
	_, _ = mac.Write(body)
	return "v1=" + hex.EncodeToString(mac.Sum(nil))
}

// sendHooks posts one after the other; 2xx means that it was taken.
func (s *Service) sendHooks(ctx context.Context, way Way, key string, parcels []parcel, done report) error {
	cfg, err := way.tls()
	if err != nil {
		return err
	}
	cfg.ServerName = ""
	client := s.cfg.Egress.HTTPClient(hookWait, cfg)
	defer client.CloseIdleConnections()
	for i, p := range parcels {
		answer, gone, err := s.post(ctx, client, way.URL, key, p)
		done(i, answer, err)
		if gone {
			return errStop
		}
	}
	return nil
}

// post sends one; gone says that the place itself did not answer.
func (s *Service) post(ctx context.Context, client *http.Client, url, key string, p parcel) (answer string, gone bool, err error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(p.body))
	if err != nil {
		return "", false, ot.Errorf(ot.Invalid, "the webhook's address: %w", err)
	}
	stamp := strconv.FormatInt(s.cfg.Now().Unix(), 10)
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("User-Agent", "Skanse/"+s.cfg.Version)
	q.Header.Set("Idempotency-Key", p.id)
	q.Header.Set("Skanse-Timestamp", stamp)
	q.Header.Set("Skanse-Signature", Sign(key, stamp, p.body))
	res, err := client.Do(q)
	if err != nil {
		return "", true, ot.Errorf(ot.Busy, "post to the webhook: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(io.LimitReader(res.Body, hookAnswer)) // what is longer is not read
	if err != nil {
		return "", true, ot.Errorf(ot.Busy, "read the webhook's answer: %w", err)
	}
	answer = ot.Printable(fmt.Sprintf("%d %s", res.StatusCode, short(string(b), 300)))
	switch {
	case res.StatusCode >= 200 && res.StatusCode < 300:
		return answer, false, nil
	case res.StatusCode >= 300 && res.StatusCode < 400:
		return answer, false, ot.Errorf(ot.Busy, "the webhook answers with a redirect (%d), which is not followed: enter its new address", res.StatusCode)
	}
	return answer, res.StatusCode >= 500, ot.Errorf(ot.Busy, "the webhook answers %s", answer)
}

func (s *Service) drawHook(d delivery) (parcel, error) {
	b, err := json.Marshal(hook{d.ID, d.What, d.MadeAt, s.cfg.Version, d.Body.V})
	return parcel{id: d.ID, at: d.MadeAt.Time, body: b}, err
}

func short(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// dialTLS speaks TLS from the first byte on.
func (s *Service) dialTLS(cfg *tls.Config) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := s.cfg.Egress.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		sec := tls.Client(conn, cfg)
		if err := sec.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
			return nil, ot.Errorf(ot.Busy, "agree on TLS with %s: %w", address, err)
		}
		return sec, nil
	}
}
