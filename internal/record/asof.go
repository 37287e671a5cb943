package record

import (
	"time"

	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// Source is where a query of this or another part reads records from, as r: as they
// are (a zero time), or as they were then.
func Source(at time.Time) ot.SQL {
	if at.IsZero() {
		return ot.SQL{Text: "record_record r"}
	}
	return ot.SQL{Text: `(SELECT v.record_id, v.type, v.ref, v.title, v.entity_id, v.site_no, v.zone_no, v.asset_id, v.owner_id, v.state, v.data, v.data_version, v.version,
		v.valid_from, v.valid_until, v.review_at, v.due_at, n.created_at, n.created_by, v.at AS updated_at, v.by_id AS updated_by, v.closed_at, v.approval, v.second_due,
		n.links, n.attachments, n.comments, v.hash FROM record_revision v JOIN record_record n ON n.record_id = v.record_id
		WHERE v.version = (SELECT max(x.version) FROM record_revision x WHERE x.record_id = v.record_id AND x.at <= ?)) r`, Args: []any{store.At(at)}}
}
