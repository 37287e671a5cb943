package rest

import (
	"context"
	"maps"
	"sync"

	"github.com/skanse/skanse/internal/audit"
	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// pending is the audit entry of a running request: written in the request's first
// transaction, with the change or not at all.
type pending struct {
	action string

	mu     sync.Mutex
	site   string
	target ot.Ref
	detail map[string]string
	done   bool
}

type pendingKey struct{}

// Target says in the audit entry of the running request what was changed, and on
// which site (its id; empty: the whole installation). Call it before the transaction ends.
func Target(ctx context.Context, site string, ref ot.Ref) {
	if p, ok := ctx.Value(pendingKey{}).(*pending); ok {
		p.mu.Lock()
		p.site, p.target = site, ref
		p.mu.Unlock()
	}
}

// Detail adds a detail to the audit entry of the running request; it may hold names.
func Detail(ctx context.Context, key, value string) {
	if p, ok := ctx.Value(pendingKey{}).(*pending); ok {
		p.mu.Lock()
		if p.detail == nil {
			p.detail = map[string]string{}
		}
		p.detail[key] = value
		p.mu.Unlock()
	}
}

func (p *pending) written() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.done
}

// BeforeCommit writes the entry in the request's transaction.
func (p *pending) BeforeCommit(ctx context.Context, tx *store.Tx) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done {
		return nil
	}
	who := auth.From(ctx)
	actor := auth.Subject(ctx)
	if actor == "" {
		actor = "nobody"
	}
	detail := maps.Clone(p.detail)
	if who.Name != "" && actor == who.UserID {
		if detail == nil {
			detail = map[string]string{}
		}
		detail["by"] = who.Name
		if who.TokenID != "" { // a program in the person's name
			detail["token"], detail["token_id"] = who.TokenName, who.TokenID
		}
	}
	return audit.Append(ctx, tx, audit.Entry{Actor: actor, Action: p.action, Site: p.site, Target: p.target, Detail: detail})
}

// AfterCommit marks the entry as durable, so that a second transaction writes no second one.
func (p *pending) AfterCommit() {
	p.mu.Lock()
	p.done = true
	p.mu.Unlock()
}
