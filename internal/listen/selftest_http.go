package listen

import (
	"context"
	"net/http"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/rest"
)

// selftestRoutes mounts the self-tests of sensors.
func (s *Service) selftestRoutes(r *rest.Router) {
	const tag = "Listening"
	type tests struct {
		Items   []Test   `json:"items" nullable:"false"`
		Monthly []string `json:"monthly" nullable:"false" doc:"Sources that are tested each month"`
	}
	rest.Register(r, rest.Op{ID: "list-selftests", Method: http.MethodGet, Path: "/selftests", Summary: "The newest self-test of each sensor, or all of one", Tag: tag, Permission: auth.EdgeRead},
		func(ctx context.Context, in *struct {
			Source string `query:"source" maxLength:"200"`
		},
		) (*of[tests], error) {
			out := &of[tests]{}
			var err error
			out.Body.Items, out.Body.Monthly, err = s.Tests(ctx, auth.From(ctx).Scope, in.Source)
			return out, err
		})
	rest.Register(r, rest.Op{ID: "selftest-sensor", Method: http.MethodPost, Path: "/listening/{id}/selftest", Summary: "Play known-bad messages into a sensor's own pipeline, never onto a wire", Tag: tag, Permission: auth.EdgeWrite, Audit: "listening.selftest", Status: http.StatusCreated},
		func(ctx context.Context, in *struct {
			ID string `path:"id"`
		},
		) (*of[Test], error) {
			p := auth.From(ctx)
			t, err := s.Selftest(ctx, p.Scope, in.ID, p.Name)
			return &of[Test]{t}, err
		})
	rest.Register(r, rest.Op{ID: "plan-selftests", Method: http.MethodPut, Path: "/listening/{id}/selftest", Summary: "Say whether a sensor is tested each month", Tag: tag, Permission: auth.EdgeWrite, Audit: "listening.selftest_plan"},
		func(ctx context.Context, in *struct {
			ID   string `path:"id"`
			Body struct {
				Monthly bool `json:"monthly"`
			}
		},
		) (*struct{}, error) {
			p := auth.From(ctx)
			return nil, s.PlanTests(ctx, p.Scope, in.ID, p.Name, in.Body.Monthly)
		})
}
