package auth

import (
	"context"
	"strings"
	"testing"

	"github.com/skanse/skanse/internal/ot"
)

func TestHash(t *testing.T) {
	h := newHasher(Argon2id{Time: 1, Memory: 64, Threads: 1})
	ctx := t.Context()
	a, err := h.hash(ctx, "one")
	if err != nil {
		t.Fatal(err)
	}
	b, err := h.hash(ctx, "one")
	if err != nil || a == b {
		t.Errorf("no salt: %v", err)
	}
	dearer := newHasher(Argon2id{Time: 2, Memory: 128, Threads: 2})
	for _, c := range []struct {
		stored, password string
		want             bool
	}{{a, "one", true}, {a, "two", false}, {a, "", false}, {"", "one", false}, {"", "", false}} {
		for _, x := range []*hasher{h, dearer} { // an older, cheaper hash stays good
			if got, err := x.matches(ctx, c.stored, c.password); err != nil || got != c.want {
				t.Errorf("%q against %.20q: %v %v", c.password, c.stored, got, err)
			}
		}
	}
}

func TestHashesAtOnceAreBounded(t *testing.T) {
	h := newHasher(Argon2id{Time: 1, Memory: 64, Threads: 1})
	for range parallelHashes {
		h.slots <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.hash(ctx, "x"); err == nil {
		t.Error("a third hash ran beside two others")
	}
}

func TestCheckPassword(t *testing.T) {
	for pass, ok := range map[string]bool{
		"four simple words here": true, "øæåøæåøæåøæå": true, "short": false, strings.Repeat("a", 20): false,
		"adalovelace1": false, "password1234": false, "skanse-12345": false, "ada lovelace was the first": true,
		strings.Repeat("ab", 129): false, "ada.lovelace": false,
	} {
		err := checkPassword(pass, "Adalovelace", "ada.lovelace@example.com")
		if (err == nil) != ok || err != nil && ot.CodeOf(err) != ot.Invalid {
			t.Errorf("%q: %v", pass, err)
		}
	}
}

func FuzzParseHash(f *testing.F) {
	h := newHasher(Argon2id{Time: 1, Memory: 64, Threads: 1})
	f.Add(h.dummy)
	f.Add("$argon2id$v=19$m=4294967295,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA")
	f.Add("$$$$$")
	f.Fuzz(func(t *testing.T, s string) {
		c, salt, key, err := parseHash(s)
		if err != nil {
			return
		}
		if c.Memory > 1<<20 || c.Time > 100 || len(salt) < 8 || len(key) != 32 {
			t.Errorf("accepted %+v", c)
		}
	})
}
