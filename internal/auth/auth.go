// Package auth knows people: users, sign-in, sessions, roles and scopes. A role
// says what a person may do, a scope on which sites. It does not know HTTP
// routes; rest asks it once a request.
package auth

import (
	"context"
	"embed"
	"maps"
	"slices"
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Permission is a thing that a role allows: "asset:read".
type Permission string

// The permissions of the first capability. A role lists them in auth_role.
const (
	OrgRead      Permission = "org:read"
	OrgWrite     Permission = "org:write"
	AssetRead    Permission = "asset:read"
	AssetWrite   Permission = "asset:write"
	NetworkRead  Permission = "network:read"
	CaptureRead  Permission = "capture:read"  // list, progress
	CaptureWrite Permission = "capture:write" // upload, cancel
	PacketRead   Permission = "packet:read"   // bytes off the wire: personal and secret data
	PostureRead  Permission = "posture:read"
	DeclareWrite Permission = "declare:write"
	AuditRead    Permission = "audit:read"
	UserRead     Permission = "user:read"
	UserWrite    Permission = "user:write"

	RecordRead    Permission = "record:read"    // findings, actions, changes, windows…
	RecordWrite   Permission = "record:write"   // make and change them
	RecordApprove Permission = "record:approve" // the second pair of eyes
	NotifyWrite   Permission = "notify:write"   // who is told of what, by which way
	EdgeRead      Permission = "edge:read"      // sensors: where they are, how they are
	EdgeWrite     Permission = "edge:write"     // enrol, configure, revoke
	SystemRead    Permission = "system:read"    // how this installation is
	SystemWrite   Permission = "system:write"   // its snapshots, retention, directories
	Self          Permission = "self"           // one's own sessions and password: everybody who is signed in
)

// All lists every permission, sorted.
func All() []Permission {
	return slices.Sorted(slices.Values([]Permission{
		OrgRead, OrgWrite, AssetRead, AssetWrite, NetworkRead, CaptureRead, CaptureWrite, PacketRead,
		PostureRead, DeclareWrite, AuditRead, UserRead, UserWrite,
		RecordRead, RecordWrite, RecordApprove, NotifyWrite, EdgeRead, EdgeWrite, SystemRead, SystemWrite, Self,
	}))
}

// Permissions is what a person may do.
type Permissions map[Permission]struct{}

// Grant makes a set.
func Grant(ps ...Permission) Permissions {
	set := make(Permissions, len(ps))
	for _, p := range ps {
		set[p] = struct{}{}
	}
	return set
}

// Has says whether p is in the set.
func (s Permissions) Has(p Permission) bool { _, ok := s[p]; return ok }

// List returns the set sorted.
func (s Permissions) List() []Permission { return slices.Sorted(maps.Keys(s)) }

// Principal is who makes a request. The zero Principal is nobody, who sees nothing.
type Principal struct {
	UserID      string
	Name        string
	Email       string
	Role        string
	Scope       Scope
	Permissions Permissions
	SessionID   string

	// Set when a program acts in the person's name; SessionID is then empty.
	TokenID, TokenName string

	// The role asks for a second step that the person has not: nothing is allowed but to enrol.
	MustEnrol bool

	// The session stands on one factor where it needs two, and the person has a second:
	// nothing is allowed but to give it.
	MustStep bool

	How      How    // the session began
	Language string // the person's choice; empty: the browser's
	EndAt    time.Time
}

// BreakGlass says whether a printed code opened the session: it is nobody's account,
// so it keeps nothing and approves nothing.
func (p Principal) BreakGlass() bool { return p.How == ByBreakGlass }

// Nobody says that no person is signed in.
func (p Principal) Nobody() bool { return p.UserID == "" }

// Called is how others know the person: by name, and without one by address.
func (p Principal) Called() string {
	if p.Name != "" {
		return p.Name
	}
	return p.Email
}

// System is the program itself: background work, the command line on the machine.
func System() Principal {
	return Principal{UserID: "system", Name: "Skanse", Role: Administrator, Scope: Scope{All: true}, Permissions: Grant(All()...)}
}

type key struct{}

// With returns a context that carries the Principal.
func With(ctx context.Context, p Principal) context.Context { return context.WithValue(ctx, key{}, p) }

// From returns who makes the request, nobody if the context does not say.
func From(ctx context.Context) Principal {
	p, _ := ctx.Value(key{}).(Principal)
	return p
}

type subjectKey struct{}

// WithSubject returns a context in which a sign-in notes whose it was, so that the
// request's audit entry names the person and not "nobody".
func WithSubject(ctx context.Context) context.Context {
	return context.WithValue(ctx, subjectKey{}, new(string))
}

// Subject is the user id that a sign-in noted, or who makes the request.
func Subject(ctx context.Context) string {
	if id, ok := ctx.Value(subjectKey{}).(*string); ok && *id != "" {
		return *id
	}
	return From(ctx).UserID
}

func noteSubject(ctx context.Context, userID string) {
	if id, ok := ctx.Value(subjectKey{}).(*string); ok {
		*id = userID
	}
}

// Scope is what part of the tree a person sees: everything, or the union of the
// entities, sites and zones named. The zero Scope sees nothing.
type Scope struct {
	All      bool
	Entities []string // entity ids: their sites, also those made later
	Sites    []int64  // site_no
	Zones    []int64  // zone_no; only rows with a zone
}

// Where renders the scope as one predicate over a table's site and zone columns;
// zoneCol is empty where the table has none. Splice it in as an argument:
//
//	store.All[T](ctx, r, "SELECT … WHERE ? AND state = ?", scope.Where("site_no", ""), "new")
func (s Scope) Where(siteCol, zoneCol string) ot.SQL {
	if s.All {
		return ot.SQL{Text: "(1 = 1)"}
	}
	q := ot.SQL{Text: "("}
	or := func(text string, arg any) {
		if len(q.Args) > 0 {
			q.Text += " OR "
		}
		q.Text += text
		q.Args = append(q.Args, arg)
	}
	if len(s.Sites) > 0 {
		or(siteCol+" IN (?)", s.Sites)
	}
	if len(s.Entities) > 0 {
		or(siteCol+" IN (SELECT site_no FROM org_site WHERE entity_id IN (?))", s.Entities)
	}
	if len(s.Zones) > 0 && zoneCol != "" {
		or(zoneCol+" IN (?)", s.Zones)
	}
	if len(q.Args) == 0 {
		return ot.SQL{Text: "(1 = 0)"}
	}
	q.Text += ")"
	return q
}

// Reach renders which sites a person may know of at all: those in scope, and those
// of a zone in scope, so that a page can name where the zone lies. It is for rows of
// org_site only; what is in a site goes by Where.
func (s Scope) Reach(siteCol string) ot.SQL {
	where := s.Where(siteCol, "")
	if s.All || len(s.Zones) == 0 {
		return where
	}
	return ot.SQL{Text: "(? OR " + siteCol + " IN (SELECT site_no FROM org_zone WHERE zone_no IN (?)))", Args: []any{where, s.Zones}}
}

// OnlyZones says whether the person sees nothing but zones of the site: not the site's
// own rows, such as its captures, its levels and its address plan.
func (s Scope) OnlyZones() bool {
	return !s.All && len(s.Entities) == 0 && len(s.Sites) == 0 && len(s.Zones) > 0
}

// Entity says whether the whole company is in scope; "" asks for every company.
func (s Scope) Entity(id string) bool {
	return s.All || id != "" && slices.Contains(s.Entities, id)
}

//go:embed migrations
var migrations embed.FS

// Migrations are the tables of this package.
func Migrations() store.Migrations { return store.Migrations{Slice: "auth", FS: migrations} }
