package box

import (
	"context"

	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/ot"
)

// startRules makes the bundle run that the edge had last. One that this program does
// not understand any more is said, and the program's own rules run.
func (b *Box) startRules(ctx context.Context) error {
	raw, err := b.cfg.Outbox.Get(ctx, "rules")
	if err != nil || raw == "" || b.cfg.Rules == nil {
		return err
	}
	b.useRules([]byte(raw))
	return nil
}

// takeRules takes a bundle that the centre signed. A broken one is refused and said
// in the health: the one before it runs on.
func (b *Box) takeRules(ctx context.Context, s *edge.Signed) error {
	if b.cfg.Rules == nil {
		return nil
	}
	body, err := b.signed(s, "rules")
	if err != nil {
		return err
	}
	if b.useRules(body) {
		if err := b.cfg.Outbox.Set(ctx, map[string]string{"rules": string(body)}); err != nil {
			return err
		}
	}
	b.Hurry()
	return nil
}

func (b *Box) useRules(body []byte) bool {
	r, err := edge.ReadRules(body)
	if err == nil {
		err = b.cfg.Rules(r)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		b.norules, b.whyno = ot.Printable(r.Hash), ot.Printable(err.Error())
		b.log.Error("a bundle of detections is not taken; the one before it runs on", "bundle", b.norules, "error", err)
		return false
	}
	b.norules, b.whyno = "", ""
	b.log.Info("detections taken", "bundle", r.Hash, "files", len(r.Files), "program", ot.Printable(r.Program))
	return true
}
