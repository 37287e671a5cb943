package asset

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/bus"
	"github.com/skanse/skanse/internal/inbox"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// Project is an engineering file that was taken in.
type Project struct {
	ID       string     `json:"id"`
	SiteID   string     `json:"site_id"`
	Name     string     `json:"name"`
	Revision string     `json:"revision"`
	Format   string     `json:"format" say:"true"`
	File     string     `json:"file"`
	SHA256   string     `json:"sha256"`
	Devices  int64      `json:"devices"`
	Unseen   int64      `json:"unseen" doc:"Planned, and never heard"`
	Differs  int64      `json:"differs" doc:"Heard, and other than planned"`
	Types    int64      `json:"types" doc:"Descriptions of kinds of devices"`
	LoadedBy string     `json:"loaded_by"`
	LoadedAt store.Time `json:"loaded_at"`
}

type listedProject struct {
	projectRow
	SiteID  string `db:"site_id"`
	Unseen  int64  `db:"unseen"`
	Differs int64  `db:"differing"`
	Types   int64  `db:"types"`
}

const projectSelect = `SELECT p.project_id, p.site_no, p.name, p.revision, p.format, p.file, p.sha256, p.devices, p.loaded_by, p.loaded_at, s.site_id,
	(SELECT COUNT(*) FROM asset_planned i JOIN asset_asset a ON a.asset_id = i.asset_id WHERE i.project_id = p.project_id AND NOT a.seen) AS unseen,
	(SELECT COUNT(*) FROM asset_planned i WHERE i.project_id = p.project_id AND CAST(i.differs AS TEXT) <> '[]') AS differing,
	(SELECT COUNT(*) FROM asset_type t WHERE t.project_id = p.project_id) AS types
	FROM asset_project p JOIN org_site s ON s.site_no = p.site_no WHERE `

// Projects lists the engineering files of the sites that the scope lets see, the newest first.
func (s *Service) Projects(ctx context.Context, scope Scope, siteID, cursor string, limit int) (page rest.Page[Project], err error) {
	if limit <= 0 || limit > 500 {
		limit = 100
	}
	type position struct {
		At int64  `json:"a"`
		ID string `json:"i"`
	}
	q, args := projectSelect+"?", []any{scope.Where("p.site_no", "")}
	if siteID != "" {
		q += " AND s.site_id = ?"
		args = append(args, siteID)
	}
	if cursor != "" {
		var p position
		if err := rest.DecodeCursor(cursor, &p); err != nil {
			return page, err
		}
		q += " AND (p.loaded_at < ? OR p.loaded_at = ? AND p.project_id < ?)"
		args = append(args, p.At, p.At, p.ID)
	}
	err = s.db.View(ctx, func(r store.Reader) error {
		rows, err := store.All[listedProject](ctx, r, q+" ORDER BY p.loaded_at DESC, p.project_id DESC LIMIT ?", append(args, limit+1)...)
		if err != nil {
			return err
		}
		cut := rest.Cut(rows, limit, func(p listedProject) string { return rest.EncodeCursor(position{p.LoadedAt.UnixMicro(), p.ID}) })
		page = rest.Page[Project]{Items: make([]Project, 0, len(cut.Items)), Next: cut.Next}
		for _, p := range cut.Items {
			page.Items = append(page.Items, Project{p.ID, p.SiteID, p.Name, p.Revision, p.Format, p.File, p.SHA256, p.Devices, p.Unseen, p.Differs, p.Types, p.LoadedBy, p.LoadedAt})
		}
		return nil
	})
	return page, err
}

// Withdraw takes an engineering file back: what only it said is no longer planned.
func (s *Service) Withdraw(ctx context.Context, scope Scope, who Person, id string) error {
	return s.db.Update(ctx, func(tx *store.Tx) error {
		p, err := store.One[projectRow](ctx, tx, "SELECT "+projectColumns+" FROM asset_project WHERE project_id = ? AND ?", id, scope.Where("site_no", ""))
		if err != nil {
			return ot.Errorf(ot.NotFound, "there is no project %s", id)
		}
		siteID, err := store.One[string](ctx, tx, "SELECT site_id FROM org_site WHERE site_no = ?", p.SiteNo)
		if err != nil {
			return err
		}
		rest.Target(ctx, siteID, ot.Ref{Kind: "site", ID: siteID})
		rest.Detail(ctx, "file", p.File)
		if err := s.withdraw(ctx, tx, p.SiteNo, who, "the project "+p.Name+" was withdrawn", p.ID); err != nil {
			return err
		}
		return s.askPlanned(ctx, tx, p.SiteNo, s.now())
	})
}

// withdraw removes projects. Assets that only they named and nobody heard are retired.
func (s *Service) withdraw(ctx context.Context, tx *store.Tx, siteNo int64, who Person, why string, projects ...string) error {
	if len(projects) == 0 {
		return nil
	}
	if _, err := tx.Exec(ctx, "DELETE FROM asset_type WHERE project_id IN (?)", projects); err != nil {
		return err
	}
	ids, err := store.All[string](ctx, tx, `SELECT DISTINCT p.asset_id FROM asset_planned p WHERE p.project_id IN (?) AND p.asset_id <> ''
		AND NOT EXISTS (SELECT 1 FROM asset_planned o WHERE o.asset_id = p.asset_id AND o.project_id NOT IN (?))`, projects, projects)
	if err != nil {
		return err
	}
	for _, q := range []string{"DELETE FROM asset_planned WHERE project_id IN (?)", "DELETE FROM asset_project WHERE project_id IN (?)"} {
		if _, err := tx.Exec(ctx, q, projects); err != nil {
			return err
		}
	}
	now := store.At(s.now())
	for part := range slices.Chunk(ids, 200) {
		rows, err := store.All[assetRow](ctx, tx, "SELECT "+assetColumns+" FROM asset_asset WHERE asset_id IN (?)", part)
		if err != nil {
			return err
		}
		var changes []changeRow
		var heard []string
		for i := range rows {
			a := &rows[i]
			a.Planned, a.Version = "", a.Version+1
			if a.Seen {
				heard = append(heard, a.ID)
				continue
			}
			if a.State != StateRetired {
				changes = append(changes, changeRow{ID: store.NewID(), AssetID: a.ID, SiteNo: siteNo, At: now, Kind: "state", Field: "state", Before: a.State, After: StateRetired, DecidedBy: who.Name, Reason: why})
			}
			a.State, a.Expected, a.DecidedAt = StateRetired, false, now
			if _, err := tx.Exec(ctx, "DELETE FROM asset_binding WHERE asset_id = ? AND person = ?", a.ID, true); err != nil {
				return err
			}
		}
		if err := store.Upsert(ctx, tx, "asset_asset", rows, []string{"asset_id"}, assetSet()); err != nil {
			return err
		}
		if err := store.Upsert(ctx, tx, "asset_change", changes, nil, nil); err != nil {
			return err
		}
		if err := s.again(ctx, tx, siteNo, because{}, heard...); err != nil {
			return err
		}
	}
	return bus.Publish(ctx, tx, bus.Event{Topic: ot.TopicAsset, SiteNo: siteNo})
}

func plannedKey(siteNo int64) string { return fmt.Sprintf("asset.planned:%d", siteNo) }

// answerWithin is how long a device may be other than planned before somebody says why.
const answerWithin = 7 * 24 * time.Hour

// askPlanned keeps the one inbox item of a site's contradictions between project and wire true.
func (s *Service) askPlanned(ctx context.Context, tx *store.Tx, siteNo int64, now time.Time) error {
	type row struct {
		AssetID string                   `db:"asset_id"`
		Name    string                   `db:"name"`
		Differs store.JSON[[]Difference] `db:"differs"`
		Project string                   `db:"project"`
		SiteID  string                   `db:"site_id"`
		Site    string                   `db:"site"`
		ZoneNo  int64                    `db:"zone_no"`
	}
	const contradicting = ` FROM asset_planned p JOIN asset_asset a ON a.asset_id = p.asset_id JOIN asset_project r ON r.project_id = p.project_id JOIN org_site s ON s.site_no = p.site_no
		WHERE p.site_no = ? AND CAST(p.differs AS TEXT) <> '[]' AND a.seen AND a.state IN ('new', 'accepted')`
	n, err := store.One[int64](ctx, tx, "SELECT COUNT(*)"+contradicting, siteNo)
	if err != nil {
		return err
	}
	if n == 0 {
		return inbox.Done(ctx, tx, now, "", "", plannedKey(siteNo))
	}
	first, err := store.All[row](ctx, tx, "SELECT p.asset_id, p.name, p.differs, r.name AS project, s.site_id, s.name AS site, a.zone_no"+contradicting+" ORDER BY p.name, p.project_id LIMIT ?", siteNo, namedInItem)
	if err != nil || len(first) == 0 {
		return err
	}
	var names []string
	for i := range first {
		x := &first[i]
		var what []string
		for _, d := range x.Differs.V {
			what = append(what, d.Found+" ≠ "+d.Planned)
		}
		names = append(names, ot.Printable(x.Name+": "+strings.Join(what, ", ")))
	}
	i := inbox.Item{
		Key: plannedKey(siteNo), Kind: "other-than-planned", SiteNo: siteNo, Role: auth.SiteOTLead, Severity: inbox.Today, Action: inbox.ActionDecide,
		Ref: ot.Ref{Kind: "other-than-planned", ID: first[0].SiteID}, Due: now.Add(answerWithin),
		Title: fmt.Sprintf("%d devices at %s are other than planned", n, first[0].Site), Detail: strings.Join(names, "; "),
	}
	if more := n - int64(len(names)); more > 0 {
		i.Detail += fmt.Sprintf("; and %d more", more)
	}
	if n == 1 {
		i.Title = "Other than planned at " + first[0].Site + ": " + first[0].Name
		i.Detail, i.Ref, i.ZoneNo = names[0], ot.Ref{Kind: "asset", ID: first[0].AssetID}, first[0].ZoneNo
	}
	return inbox.Put(ctx, tx, now, i)
}
