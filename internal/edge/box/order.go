package box

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/skanse/skanse/internal/edge"
	"github.com/skanse/skanse/internal/ot"
)

// Waiter is a Link that can wait for news of the centre. It returns true when there
// are some, false after a while without.
type Waiter interface {
	Wait(ctx context.Context, w edge.Waiting) (bool, error)
}

// wait hears of news at once: a hello every few seconds is too slow for a person who
// waits for packets.
func (b *Box) wait(ctx context.Context) {
	w, ok := b.cfg.Link.(Waiter)
	if !ok || b.cfg.Order == nil {
		return
	}
	for ctx.Err() == nil {
		done, err := b.cfg.Outbox.orders(ctx)
		b.mu.Lock()
		at := edge.Waiting{Config: max(b.applied, b.failed), Order: done}
		b.mu.Unlock()
		news := false
		if err == nil {
			news, err = w.Wait(ctx, at)
		}
		pause := waitLast // the hello says what is wrong, and finds what is new
		if err == nil {
			pause = 0
		}
		if news {
			b.Hurry()
			pause = time.Second // for the hello that fetches it
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// orders is the number of the last order that was answered.
func (o *Outbox) orders(ctx context.Context) (int64, error) {
	raw, err := o.Get(ctx, "order")
	if err != nil || raw == "" {
		return 0, err
	}
	return strconv.ParseInt(raw, 10, 64)
}

// answer answers the orders that the centre signed, each once, in their order. One
// that comes twice because the program ended meanwhile is known by its number.
func (b *Box) answer(ctx context.Context, list []*edge.Signed) error {
	if b.cfg.Order == nil {
		return nil // this program has no ring; they stay
	}
	last, err := b.cfg.Outbox.orders(ctx)
	if err != nil {
		return err
	}
	for _, s := range list {
		body, err := b.signed(s, "order")
		if err != nil {
			return err
		}
		var o edge.Order
		if err := json.Unmarshal(body, &o); err != nil {
			return ot.Errorf(ot.Invalid, "an order of the centre cannot be read: %w", err)
		}
		if o.No <= last {
			continue
		}
		if b.cfg.Outbox.Clock().Now().Before(time.UnixMicro(o.Until)) {
			if err := b.cfg.Outbox.Append(ctx, b.do(ctx, &o)); err != nil {
				return err
			}
		} else {
			b.log.Warn("an order of the centre came too late: nobody waits for it any more", "order", o.No, "kind", o.Kind)
		}
		if err := b.cfg.Outbox.Set(ctx, map[string]string{"order": strconv.FormatInt(o.No, 10)}); err != nil {
			return err
		}
		last = o.No
	}
	return nil
}

// do makes the answer, also where that is why there is none.
func (b *Box) do(ctx context.Context, o *edge.Order) edge.Message {
	id := b.cfg.Outbox.ID().String()
	head, body, err := b.cfg.Order(ctx, o)
	var raw []byte
	if err == nil {
		raw, err = json.Marshal(head)
	}
	var m edge.Message
	if err == nil {
		m, err = edge.SealAnswer(id, o, edge.Answer{Head: raw}, body)
	}
	if err != nil {
		b.log.Warn("an order of the centre cannot be done", "order", o.No, "kind", o.Kind, "why", err)
		m, _ = edge.SealAnswer(id, o, edge.Answer{Code: ot.CodeOf(err), Error: ot.Printable(err.Error())}, nil) // without a body nothing fails
	}
	return m
}
