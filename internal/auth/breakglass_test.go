package auth_test

import (
	"strings"
	"testing"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

func TestBreakGlass(t *testing.T) {
	eachSealed(t, func(t *testing.T, s *auth.Service, db *store.DB, w *wall) {
		ctx := t.Context()
		at := auth.Client{Address: "10.0.0.9"}
		if x, err := s.SheetState(ctx); err != nil || x.Total != 0 {
			t.Fatalf("%+v %v", x, err)
		}
		// Printed before anybody could sign in: the first set-up still happens.
		first, err := s.PrintSheet(ctx, auth.System(), 2)
		if err != nil {
			t.Fatal(err)
		}
		if need, err := s.SetupNeeded(ctx); err != nil || !need {
			t.Fatalf("a sheet counts as a person: %v %v", need, err)
		}
		boss := who(t, s, setUp(t, s).Token)
		if us, err := s.Users(ctx); err != nil || len(us) != 1 {
			t.Errorf("%d users %v", len(us), err)
		}
		sheet, err := s.PrintSheet(ctx, boss, 0)
		if err != nil || len(sheet.Codes) != 10 {
			t.Fatalf("%d codes, %v", len(sheet.Codes), err)
		}
		use := func(code, name, why string) (auth.Signed, error) { return s.UseSheetCode(ctx, code, name, why, at) }
		_, err = use(first.Codes[0], "Bo Beck", "directory is down")
		wantCode(t, "a code of the older sheet", err, ot.SignIn)
		_, err = use(sheet.Codes[0], " ", "directory is down")
		wantCode(t, "no name", err, ot.Invalid)
		_, err = use(sheet.Codes[0], "Bo Beck", "")
		wantCode(t, "no reason", err, ot.Invalid)
		if err := s.RequireSecond(ctx, auth.Administrator, true); err != nil {
			t.Fatal(err)
		}
		// As people type it from paper.
		in, err := use(strings.ToLower(strings.ReplaceAll(sheet.Codes[0], "-", " ")), "Bo Beck", "directory is down")
		if err != nil {
			t.Fatal(err)
		}
		p := who(t, s, in.Token)
		if !p.BreakGlass() || !p.Scope.All || !p.Permissions.Has(auth.UserWrite) || p.MustEnrol || p.MustStep || !strings.Contains(p.Name, "Bo Beck") {
			t.Errorf("%+v", p)
		}
		if p.Permissions.Has(auth.RecordApprove) {
			t.Error("nobody's account is a second pair of eyes")
		}
		_, err = use(sheet.Codes[0], "Bo Beck", "again")
		wantCode(t, "the code again", err, ot.SignIn)
		if x, err := s.SheetState(ctx); err != nil || x.Total != 10 || x.Left != 9 {
			t.Errorf("%+v %v", x, err)
		}
		// Nothing that outlives the hour.
		wantCode(t, "a password", s.SetPassword(ctx, p, "", good), ot.Forbidden)
		_, err = s.BeginEnrolment(ctx, p)
		wantCode(t, "an app", err, ot.Forbidden)
		_, _, err = s.BeginPasskey(ctx, p, "http://localhost:1")
		wantCode(t, "a passkey", err, ot.Forbidden)
		_, err = s.PrintSheet(ctx, p, 1)
		wantCode(t, "a new sheet", err, ot.Forbidden)
		_, _, err = s.CreateToken(ctx, p, auth.NewAccessToken{Name: "x", Permissions: []auth.Permission{auth.AssetRead}, SeesAll: true, EndAt: w.now().Add(time.Hour)})
		wantCode(t, "an access token", err, ot.Forbidden)
		_, err = s.User(ctx, p.UserID)
		wantCode(t, "the account as a user", err, ot.NotFound)
		_, _, err = s.CreateLink(ctx, boss, p.UserID)
		wantCode(t, "a link to the account", err, ot.NotFound)
		_, err = s.SignIn(ctx, "break-glass@invalid", "", auth.Client{})
		wantCode(t, "the account by password", err, ot.SignIn)
		w.add(61 * time.Minute)
		if !who(t, s, in.Token).Nobody() {
			t.Error("alive after an hour")
		}
		// Guessing meets a limit, which does not count for other addresses.
		for range 12 {
			_, err = use("AAAAA-AAAAA-AAAAA-AAAAA", "Eve", "guessing")
		}
		wantCode(t, "guesses", err, ot.TooMany)
		_, err = s.UseSheetCode(ctx, sheet.Codes[1], "Bo Beck", "guessed at elsewhere", auth.Client{Address: "10.0.0.10"})
		wantCode(t, "from elsewhere", err, "")
		// At rest there is no code.
		var kept []string
		if err := db.View(ctx, func(r store.Reader) (err error) {
			kept, err = store.All[string](ctx, r, "SELECT code_hash || said || why FROM auth_sheet_code")
			return err
		}); err != nil {
			t.Fatal(err)
		}
		for _, row := range kept {
			if strings.Contains(row, strings.ReplaceAll(sheet.Codes[2], "-", "")) || strings.Contains(row, sheet.Codes[2]) {
				t.Error("a code is kept in the clear")
			}
		}
	})
}
