package asset

import (
	"context"
	"net/http"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/rest"
	"github.com/skanse/skanse/internal/store"
)

// PlanDetail is what one engineering project says of an asset.
type PlanDetail struct {
	ProjectID string       `json:"project_id"`
	Project   string       `json:"project"`
	Format    string       `json:"format" say:"true"`
	File      string       `json:"file"`
	LoadedBy  string       `json:"loaded_by"`
	LoadedAt  store.Time   `json:"loaded_at"`
	Line      int64        `json:"line" doc:"In the file"`
	Name      string       `json:"name"`
	Place     string       `json:"place"`
	Parent    string       `json:"parent"`
	Vendor    string       `json:"vendor"`
	Model     string       `json:"model"`
	OrderCode string       `json:"order_code"`
	Firmware  string       `json:"firmware"`
	Serial    string       `json:"serial"`
	Config    string       `json:"config" doc:"The version of its configuration"`
	Safety    bool         `json:"safety"`
	Addresses []string     `json:"addresses" nullable:"false"`
	BoundBy   string       `json:"bound_by" enum:",mac,ip,serial,name,project" doc:"By what it was recognised; empty: only the project knows it"`
	Differs   []Difference `json:"differs" nullable:"false"`
}

func plans(ctx context.Context, r store.Reader, assetID string) ([]PlanDetail, error) {
	type row struct {
		plannedRow
		Project  string     `db:"project"`
		Format   string     `db:"format"`
		File     string     `db:"file"`
		LoadedBy string     `db:"loaded_by"`
		LoadedAt store.Time `db:"loaded_at"`
	}
	out := []PlanDetail{}
	rows, err := store.All[row](ctx, r, `SELECT i.project_id, i.item, i.site_no, i.asset_id, i.name, i.aliases, i.parent, i.place, i.vendor, i.model, i.order_code, i.firmware, i.fit, i.serial, i.role, i.config, i.safety,
		i.part, i.ips, i.macs, i.kin, i.line, i.bound_by, i.differs, p.name AS project, p.format, p.file, p.loaded_by, p.loaded_at
		FROM asset_planned i JOIN asset_project p ON p.project_id = i.project_id WHERE i.asset_id = ? ORDER BY p.loaded_at DESC, i.project_id, i.item LIMIT 50`, assetID)
	for i := range rows {
		x := &rows[i]
		out = append(out, PlanDetail{
			x.ProjectID, x.Project, x.Format, x.File, x.LoadedBy, x.LoadedAt, x.Line, x.Name, x.Place, x.Parent, x.Vendor, x.Model, x.OrderCode, x.Firmware, x.Serial, x.Config, x.Safety,
			append(append([]string{}, x.IPs.V...), x.MACs.V...), x.BoundBy, append([]Difference{}, x.Differs.V...),
		})
	}
	return out, err
}

// planOf is what the newest project says of a field.
func (d *AssetDetail) planOf(field string) string {
	if len(d.Plans) == 0 {
		return ""
	}
	p := &d.Plans[0]
	return map[string]string{"name": p.Name, "vendor": p.Vendor, "model": p.Model, "order_code": p.OrderCode, "firmware": p.Firmware, "serial": p.Serial}[field]
}

func (s *Service) projectRoutes(r *rest.Router) {
	const tag = "Assets"
	rest.Register(r, rest.Op{ID: "list-asset-projects", Method: http.MethodGet, Path: "/asset-projects", Summary: "The engineering files that were taken in", Tag: tag, Permission: auth.AssetRead},
		func(ctx context.Context, in *struct {
			Site   string `query:"site" doc:"Site id; empty: all"`
			Cursor string `query:"cursor"`
			Limit  int    `query:"limit" minimum:"0" maximum:"500"`
		},
		) (*pageOf[Project], error) {
			page, err := s.Projects(ctx, auth.From(ctx).Scope, in.Site, in.Cursor, in.Limit)
			return &pageOf[Project]{page}, err
		})
	rest.Register(r, rest.Op{ID: "withdraw-asset-project", Method: http.MethodDelete, Path: "/asset-projects/{id}", Summary: "Take an engineering file back", Tag: tag, Permission: auth.AssetWrite, Audit: "asset.project.withdraw", Status: http.StatusNoContent},
		func(ctx context.Context, in *idInput) (*struct{}, error) {
			return nil, s.Withdraw(ctx, auth.From(ctx).Scope, person(ctx), in.ID)
		})
}
