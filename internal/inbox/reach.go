package inbox

import (
	"context"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Whom an item reaches is said in SQL, once, so that a list, a count, a single item
// and a receiver of mail cannot disagree. i is inbox_item.

// active: the person u may sign in now.
const activeUser = "NOT u.disabled AND (u.end_at IS NULL OR u.end_at > ?)"

// sees: the person u has the item's site, or all of its company, in scope.
const seesItem = `(u.sees_all OR EXISTS (SELECT 1 FROM auth_scope z LEFT JOIN org_site y ON y.site_no = i.site_no WHERE z.user_id = u.user_id AND
 (z.kind = 'site' AND z.ref = y.site_id OR z.kind = 'entity' AND (z.ref = y.entity_id OR z.ref = i.entity_id)
  OR z.kind = 'site' AND i.site_no = 0 AND i.entity_id <> '' AND z.ref IN (SELECT w.site_id FROM org_site w WHERE w.entity_id = i.entity_id))))`

// left: the item asks one person, who cannot sign in any more; then the person's role is asked.
const personLeft = "(i.user_id <> '' AND NOT EXISTS (SELECT 1 FROM auth_user u WHERE u.user_id = i.user_id AND " + activeUser + "))"

// askedRole is the role that an item asks, also where the person has left.
const askedRole = "(CASE WHEN i.role <> '' THEN i.role ELSE COALESCE((SELECT u.role FROM auth_user u WHERE u.user_id = i.user_id), '') END)"

func inScope(scope auth.Scope) ot.SQL {
	all := "1 = 0"
	if scope.All {
		all = "1 = 1"
	}
	return ot.SQL{
		Text: `(i.site_no <> 0 AND ? OR i.site_no = 0 AND i.entity_id <> '' AND (` + all + ` OR i.entity_id IN (SELECT v.entity_id FROM org_site v WHERE ?)) OR i.site_no = 0 AND i.entity_id = '' AND ` + all + `)`,
		Args: []any{scope.Where("i.site_no", "i.zone_no"), scope.Where("v.site_no", "")},
	}
}

// asksMe: the person is named, stands in for the one who is and is away, or was reached by escalation.
func asksMe(userID string, now time.Time) ot.SQL {
	t := store.At(now)
	return ot.SQL{
		Text: `(i.user_id = ?
 OR i.user_id <> '' AND EXISTS (SELECT 1 FROM inbox_absence b WHERE b.user_id = i.user_id AND b.deputy_id = ? AND b.ended_at IS NULL AND b.from_at <= ? AND b.to_at > ?)
 OR EXISTS (SELECT 1 FROM inbox_step t WHERE t.item_id = i.item_id AND t.to_user = ? AND t.kind IN ('deputy', 'on-call') AND t.at >= i.opened_at))`,
		Args: []any{userID, userID, t, t, userID},
	}
}

// asksRole: no person who is still there is named, and the role is the person's, or that of
// somebody for whom the person stands in; or escalation reached the role; or nobody at all
// has the role at this site, and the person is one of those who look after everything.
func asksRole(p auth.Principal, now time.Time) ot.SQL {
	t := store.At(now)
	orphan := ot.SQL{Text: "1 = 0"}
	if p.Role == auth.Administrator || p.Role == auth.DSO {
		orphan = ot.SQL{
			Text: "NOT EXISTS (SELECT 1 FROM auth_user u WHERE u.role = " + askedRole + " AND " + activeUser + " AND " + seesItem + ")",
			Args: []any{t},
		}
	}
	return ot.SQL{
		Text: `((i.user_id = '' OR ` + personLeft + `) AND (` + askedRole + ` = ?
  OR EXISTS (SELECT 1 FROM inbox_absence b JOIN auth_user u ON u.user_id = b.user_id WHERE b.deputy_id = ? AND b.ended_at IS NULL AND b.from_at <= ? AND b.to_at > ? AND u.role = ` + askedRole + ` AND ` + seesItem + `)
  OR ?)
 OR EXISTS (SELECT 1 FROM inbox_step t WHERE t.item_id = i.item_id AND t.to_role = ? AND t.kind IN ('on-call', 'officer') AND t.at >= i.opened_at))`,
		Args: []any{t, p.Role, p.UserID, t, t, orphan, p.Role},
	}
}

// seesAll says whether somebody may look at what others are asked: who reads the audit log does.
func seesAll(p auth.Principal) bool { return p.Permissions.Has(auth.AuditRead) }

// mayRead: in scope, and asked or allowed to see what others are asked.
func mayRead(p auth.Principal, now time.Time) ot.SQL {
	if seesAll(p) {
		return inScope(p.Scope)
	}
	return ot.SQL{Text: "(? AND (? OR ?))", Args: []any{inScope(p.Scope), asksMe(p.UserID, now), asksRole(p, now)}}
}

// Addressee is somebody whom an item reaches.
type Addressee struct {
	UserID string `db:"user_id"`
	Name   string `db:"name"`
	Email  string `db:"email"`
	Role   string `db:"role"`
}

// Addressees are the people whom an open item reaches now, each once: the person
// or all of the role, those who stand in for who is away, and whom escalation
// reached. Nobody who cannot see the item's site is among them. For who carries
// items to people: mail, SMS.
func Addressees(ctx context.Context, r store.Reader, now time.Time, key string) ([]Addressee, error) {
	t := store.At(now)
	return store.All[Addressee](ctx, r, `SELECT u.user_id, u.name, u.email, u.role FROM inbox_item i JOIN auth_user u ON `+activeUser+` AND (`+seesItem+` OR u.user_id = i.user_id AND i.site_no = 0 AND i.entity_id = '')
WHERE i.item_key = ? AND i.done_at IS NULL AND (
 i.user_id = u.user_id
 OR (i.user_id = '' OR NOT EXISTS (SELECT 1 FROM auth_user x WHERE x.user_id = i.user_id AND NOT x.disabled AND (x.end_at IS NULL OR x.end_at > ?))) AND u.role = (CASE WHEN i.role <> '' THEN i.role ELSE COALESCE((SELECT x.role FROM auth_user x WHERE x.user_id = i.user_id), '') END)
 OR EXISTS (SELECT 1 FROM inbox_absence b JOIN auth_user x ON x.user_id = b.user_id WHERE b.deputy_id = u.user_id AND b.ended_at IS NULL AND b.from_at <= ? AND b.to_at > ? AND (b.user_id = i.user_id OR i.user_id = '' AND x.role = i.role))
 OR EXISTS (SELECT 1 FROM inbox_step t WHERE t.item_id = i.item_id AND t.at >= i.opened_at AND (t.to_user = u.user_id AND t.kind IN ('deputy', 'on-call') OR t.to_role = u.role AND t.kind IN ('on-call', 'officer'))))
ORDER BY u.name, u.user_id`, t, key, t, t, t)
}
