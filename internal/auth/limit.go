package auth

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Sign-in attempts. A person who mistypes gets five in a row at one address, then
// waits longer each time. An address, behind which a whole office may sit, gets more,
// and all addresses together get perAccount for one account, so that guessing from
// many machines is slow too. Whoever guesses must not lock the on-call person out:
// an address that the person signed in from lately has a wait of its own, of at most
// a minute, and a passkey or a printed code is not counted here at all.
const (
	perPerson   = 5
	perAddress  = 20
	perAccount  = 50
	refill      = time.Minute
	firstWait   = 15 * time.Second
	mostWait    = 15 * time.Minute
	knownWait   = time.Minute
	forgetAfter = time.Hour
	maxCounters = 10_000
)

// limiter counts attempts a key. It is in memory: a restart forgives, and an
// attacker who can restart the server needs no password.
type limiter struct {
	mu      sync.Mutex
	buckets map[string]bucket
	waits   map[string]wait
}

// wait is a delay that doubles with each attempt beyond the free ones.
type wait struct {
	tries     int
	at, until time.Time
}

// slow counts one attempt, or says how long to wait; the delay grows up to most.
func (l *limiter) slow(now time.Time, key string, most time.Duration) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waits == nil || len(l.waits) >= maxCounters {
		kept := map[string]wait{}
		for k, w := range l.waits {
			if now.Sub(w.at) < forgetAfter {
				kept[k] = w
			}
		}
		if len(kept) >= maxCounters { // a flood of made-up names; each had its attempts
			kept = map[string]wait{}
		}
		l.waits = kept
	}
	w := l.waits[key]
	if now.Sub(w.at) >= forgetAfter {
		w = wait{}
	}
	if left := min(w.until.Sub(now), most); left > 0 {
		return errTooMany(left)
	}
	w.tries++
	w.at, w.until = now, now
	if over := w.tries - perPerson; over >= 0 {
		w.until = now.Add(min(firstWait<<min(over, 10), most))
	}
	l.waits[key] = w
	return nil
}

func errTooMany(wait time.Duration) error {
	return ot.Errorf(ot.TooMany, "too many attempts to sign in: try again in %s", max(wait.Round(time.Second), time.Second))
}

// takeAccount counts an attempt on an account from an address; forget gives a person
// who signed in all attempts back.
func (s *Service) takeAccount(ctx context.Context, login string, from Client) (forget func(), err error) {
	now := s.clock.now()
	here := "user " + login + " at " + from.Address
	forget = func() { s.forgive(login); s.limit.forget(here) }
	if err = s.limit.slow(now, here, mostWait); err == nil {
		if err = s.limit.take(now, "user "+login, perAccount); err == nil {
			return forget, nil
		}
	}
	known, dberr := s.signedInFrom(ctx, login, from.Address)
	if dberr != nil || !known {
		return forget, errors.Join(dberr, err)
	}
	return forget, s.limit.slow(now, "known "+here, knownWait)
}

// signedInFrom says whether the account has a session of late from this address.
func (s *Service) signedInFrom(ctx context.Context, login, address string) (known bool, err error) {
	if address == "" {
		return false, nil
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		n, err := store.One[int64](ctx, r, `SELECT count(*) FROM auth_session x JOIN auth_user u ON u.user_id = x.user_id
			WHERE (u.email = ? OR EXISTS (SELECT 1 FROM auth_identity i WHERE i.user_id = u.user_id AND i.login = ?)) AND x.address = ?`, login, login, short(address))
		known = n > 0
		return err
	})
	return known, err
}

// forgive gives an account its attempts back at every address.
func (s *Service) forgive(login string) { s.limit.forget("user " + login) }

type bucket struct {
	used float64
	at   time.Time
}

// take counts one attempt, or says how long to wait.
func (l *limiter) take(now time.Time, key string, size int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.buckets == nil || len(l.buckets) >= maxCounters {
		l.shrink(now)
	}
	b := l.left(now, key)
	if b.used+1 > float64(size) {
		return errTooMany(time.Duration((b.used + 1 - float64(size)) * float64(refill)))
	}
	b.used++
	l.buckets[key] = b
	return nil
}

// forget gives a person who signed in all attempts back.
func (l *limiter) forget(key string) {
	l.mu.Lock()
	delete(l.buckets, key)
	delete(l.waits, key)
	delete(l.waits, "known "+key)
	l.mu.Unlock()
}

func (l *limiter) left(now time.Time, key string) bucket {
	b := l.buckets[key]
	if ran := now.Sub(b.at); ran > 0 {
		b.used = max(0, b.used-float64(ran)/float64(refill))
	}
	b.at = now
	return b
}

// shrink drops what has refilled, and if that is not enough everything: a flood of
// made-up names must not grow the memory, and each name of it had its attempts.
func (l *limiter) shrink(now time.Time) {
	kept := map[string]bucket{}
	for k := range l.buckets {
		if b := l.left(now, k); b.used > 0 {
			kept[k] = b
		}
	}
	if len(kept) >= maxCounters {
		kept = map[string]bucket{}
	}
	l.buckets = kept
}
