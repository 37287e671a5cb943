package comply

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/skanse/skanse/internal/auth"
	"github.com/skanse/skanse/internal/ot"
	"github.com/skanse/skanse/internal/store"
)

// sightWindow is what "would have been seen" looks back over: long enough that a weekly
// backup shows a controller's programming protocol, short enough to be about now.
const sightWindow = 7 * 24 * time.Hour

// sightEvery spares a busy centre: nothing of it changes within minutes.
const sightEvery = 10 * time.Minute

// controllers are the roles whose changes matter: the share is about them.
func controllerRoles() []string {
	return []string{"plc", "safety", "rtu", "ied", "drive", "robot", "gateway"}
}

type sightRow struct {
	AssetID   string     `db:"asset_id"`
	SiteNo    int64      `db:"site_no"`
	ZoneNo    int64      `db:"zone_no"`
	Vendor    string     `db:"vendor"`
	Model     string     `db:"model"`
	OrderCode string     `db:"order_code"`
	LastLive  store.Time `db:"last_live_at"`
	Watched   bool       `db:"watched"`
	Share     float64    `db:"share"`
	Told      bool       `db:"told"`
}

type sightTalk struct {
	AssetID  string `db:"asset_id"`
	Served   bool   `db:"served"` // the asset is the server
	Protocol string `db:"protocol"`
	Port     int64  `db:"port"`
	Trans    string `db:"transport"`
	ToIt     int64  `db:"to_it"`
	FromIt   int64  `db:"from_it"`
}

// sightOf reads and judges assets that where names (of asset_asset, as a).
func (s *Service) sightOf(ctx context.Context, r store.Reader, now time.Time, where ot.SQL) (rows []sightRow, answers [][]SightAnswer, err error) {
	since := store.At(now.Add(-sightWindow))
	rows, err = store.All[sightRow](ctx, r, `SELECT a.asset_id, a.site_no, a.zone_no, a.vendor, a.model, a.order_code, a.last_live_at,
  EXISTS (SELECT 1 FROM network_source n WHERE n.site_no = a.site_no AND n.live) AS watched,
  CAST(COALESCE(CASE WHEN a.zone_no = 0 THEN (SELECT MAX(u.share) FROM comply_uptime u WHERE u.site_no = a.site_no) ELSE h.share END, 0) AS DOUBLE PRECISION) AS share,
  EXISTS (SELECT 1 FROM asset_binding b JOIN network_conversation c ON c.site_no = b.site_no AND c.realm_no = b.realm_no AND (c.client_ip = b.address OR c.server_ip = b.address) AND c.told AND c.live AND c.last_at >= ?
    WHERE b.asset_id = a.asset_id AND b.kind = 'ip' AND b.to_at IS NULL) AS told
FROM asset_asset a LEFT JOIN comply_heard h ON h.hours = 168 AND h.site_no = a.site_no AND h.zone_no = a.zone_no WHERE ? ORDER BY a.asset_id`, since, where)
	if err != nil || len(rows) == 0 {
		return nil, nil, err
	}
	at := make(map[string]*sightAsset, len(rows))
	for i := range rows {
		x := &rows[i]
		at[x.AssetID] = &sightAsset{
			watched: x.Watched, told: x.Told, zoned: x.ZoneNo != 0, share: x.Share, heard: !x.LastLive.IsZero() && x.LastLive.After(since.Time),
			family: s.family(x.Vendor, x.OrderCode, x.Model),
		}
	}
	side := func(me, other, served string) ot.SQL {
		return sqlf(`SELECT b.asset_id, `+served+` AS served, c.protocol, CASE WHEN c.protocol = '' THEN c.port ELSE 0 END AS port, c.transport,
  CAST(SUM(CASE WHEN c.`+other+`_packets > 0 THEN 1 ELSE 0 END) AS BIGINT) AS to_it, CAST(SUM(CASE WHEN c.`+me+`_packets > 0 THEN 1 ELSE 0 END) AS BIGINT) AS from_it
FROM asset_binding b JOIN asset_asset a ON a.asset_id = b.asset_id
JOIN network_conversation c ON c.site_no = b.site_no AND c.realm_no = b.realm_no AND c.`+me+`_ip = b.address AND c.live AND NOT c.told AND c.last_at >= ?
WHERE b.kind = 'ip' AND b.to_at IS NULL AND ? AND c.transport IN ('tcp', 'udp') AND NOT c.server_ip LIKE '%.255' AND NOT c.server_ip LIKE '22_.%' AND NOT c.server_ip LIKE '23_.%' AND NOT c.server_ip LIKE 'ff%'
GROUP BY b.asset_id, c.protocol, CASE WHEN c.protocol = '' THEN c.port ELSE 0 END, c.transport`, since, where)
	}
	talks, err := store.All[sightTalk](ctx, r, "SELECT t.asset_id, t.served, t.protocol, t.port, t.transport, t.to_it, t.from_it FROM (? UNION ALL ?) t ORDER BY t.asset_id, t.protocol, t.port",
		side("server", "client", "1 = 1"), side("client", "server", "1 = 0"))
	if err != nil {
		return nil, nil, err
	}
	for _, t := range talks {
		if a := at[t.AssetID]; a != nil {
			a.take(&t)
		}
	}
	for i := range rows {
		answers = append(answers, at[rows[i].AssetID].answers(s.reads))
	}
	return rows, answers, nil
}

// take adds conversations of one protocol.
func (a *sightAsset) take(t *sightTalk) {
	a.toIt += t.ToIt
	a.fromIt += t.FromIt
	if !t.Served || t.FromIt == 0 && t.ToIt == 0 {
		return
	}
	switch {
	case t.Protocol == "":
		if name := strconv.FormatInt(t.Port, 10) + "/" + t.Trans; t.FromIt > 0 && t.Port > 0 && len(a.unread) < 5 && !slices.Contains(a.unread, name) {
			a.unread = append(a.unread, name)
		}
	case hides(t.Protocol):
		if !slices.Contains(a.encrypted, t.Protocol) {
			a.encrypted = append(a.encrypted, t.Protocol)
		}
	case !slices.Contains(a.readable, t.Protocol):
		a.readable = append(a.readable, t.Protocol)
	}
}

func (s *Service) family(words ...string) *controller {
	text := strings.Join(words, " ")
	if strings.TrimSpace(text) == "" {
		return nil
	}
	for i := range s.families {
		if s.families[i].form.MatchString(text) {
			return &s.families[i]
		}
	}
	return nil
}

// cared are the assets that the share is about.
func cared() ot.SQL {
	return sqlf("a.managed AND a.state IN ('new', 'accepted') AND a.seen AND a.role IN (?)", controllerRoles())
}

type sightKept struct {
	AssetID  string `db:"asset_id"`
	SiteNo   int64  `db:"site_no"`
	Program  int64  `db:"program"`
	Mode     int64  `db:"mode"`
	Writes   int64  `db:"writes"`
	Firmware int64  `db:"firmware"`
	Reason   string `db:"reason"`
}

// refreshSight judges all controllers anew.
func (s *Service) refreshSight(ctx context.Context, now time.Time, light bool) error {
	if light && now.Sub(s.sightAt) < sightEvery && !now.Before(s.sightAt) {
		return nil
	}
	var kept []sightKept
	if err := s.db.View(ctx, func(r store.Reader) error {
		kept = kept[:0]
		rows, answers, err := s.sightOf(ctx, r, now, cared())
		for i := range rows {
			kept = append(kept, sightKeep(rows[i], answers[i]))
		}
		return err
	}); err != nil {
		return err
	}
	err := s.db.Update(ctx, func(tx *store.Tx) error {
		if _, err := tx.Exec(ctx, "DELETE FROM comply_sight"); err != nil {
			return err
		}
		return store.Upsert(ctx, tx, "comply_sight", kept, nil, nil)
	})
	if err == nil {
		s.sightAt = now
	}
	return err
}

func sightKeep(r sightRow, answers []SightAnswer) sightKept {
	k := sightKept{AssetID: r.AssetID, SiteNo: r.SiteNo}
	worst := SightAnswer{Answer: SightYes}
	for _, a := range answers {
		n := sightRank(a.Answer)
		switch a.Question {
		case AskProgram:
			k.Program = n
		case AskMode:
			k.Mode = n
		case AskWrite:
			k.Writes = n
		case AskFirmware:
			k.Firmware = n
		}
		if n < sightRank(worst.Answer) {
			worst = a
		}
	}
	k.Reason = "A program change, a mode change, a write and a new firmware would all have been seen."
	for _, why := range worst.Reasons { // the first reason that alone makes it as bad
		k.Reason = why.Text
		if worst.Answer != SightNo || noReason(why.Code) {
			break
		}
	}
	return k
}

// noReason says that a reason alone makes an answer no.
func noReason(code string) bool {
	switch code {
	case "zone_blind", "device_blind", "switch_blind", "told", "one_sided_out", "not_read", "encrypted", "model_unknown":
		return true
	}
	return false
}

// sightCheck: each controller, and whether all four would have been seen, at least in part.
func sightCheck(*CheckSpec, time.Time) ot.SQL {
	return sqlf(`SELECT a.site_no, 'asset' AS kind, a.asset_id AS ref,
  CASE WHEN a.name <> '' THEN a.name WHEN a.model <> '' THEN a.model WHEN a.vendor <> '' THEN a.vendor || ' device' ELSE 'device without a name' END AS label,
  CASE WHEN k.program < 0 THEN 'unknown' WHEN k.program = 0 OR k.mode = 0 OR k.writes = 0 OR k.firmware = 0 THEN 'fail' ELSE 'pass' END AS verdict,
  CASE WHEN k.program >= 0 THEN CAST(k.program + k.mode + k.writes + k.firmware AS DOUBLE PRECISION) / 8 END AS value, k.reason AS reason
FROM comply_sight k JOIN asset_asset a ON a.asset_id = k.asset_id WHERE ?`, cared())
}

// AssetSight is the answers for one asset.
type AssetSight struct {
	Questions []SightAnswer `json:"questions" nullable:"false"`
	Family    string        `json:"family" doc:"What is known of how it is programmed; empty: nothing"`
	Local     []string      `json:"local" nullable:"false" doc:"Ways past any sensor"`
	Share     float64       `json:"share" doc:"Of the last 7 days in which its zone was listened to"`
}

// Sight answers for one asset, from what is known now.
func (s *Service) Sight(ctx context.Context, scope auth.Scope, id string) (out AssetSight, err error) {
	out = AssetSight{Local: []string{}}
	err = s.db.View(ctx, func(r store.Reader) error {
		rows, answers, err := s.sightOf(ctx, r, s.clock(), sqlf("a.asset_id = ? AND ?", id, scope.Where("a.site_no", "a.zone_no")))
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return ot.Errorf(ot.NotFound, "there is no asset %s", id)
		}
		out.Questions, out.Share = answers[0], rows[0].Share
		if f := s.family(rows[0].Vendor, rows[0].OrderCode, rows[0].Model); f != nil {
			out.Family, out.Local = f.Title, append(out.Local, f.Local...)
		}
		return nil
	})
	return out, err
}

// SightShare is how many controllers of a site have which answer to a question.
type SightShare struct {
	SiteID   string `json:"site_id" db:"site_id"`
	Question string `json:"question" db:"question" enum:"program,mode,write,firmware"`
	Yes      int64  `json:"yes" db:"yes"`
	Partly   int64  `json:"partly" db:"partly"`
	No       int64  `json:"no" db:"no"`
	Unknown  int64  `json:"unknown" db:"unknown"`
}

// SightShares adds the answers of all controllers up, a site and question.
func (s *Service) SightShares(ctx context.Context, scope auth.Scope, siteID string) (out []SightShare, err error) {
	err = s.db.View(ctx, func(r store.Reader) error {
		out = []SightShare{}
		for _, q := range []struct{ name, column string }{{AskProgram, "program"}, {AskMode, "mode"}, {AskWrite, "writes"}, {AskFirmware, "firmware"}} {
			c := "k." + q.column
			rows, err := store.All[SightShare](ctx, r, `SELECT s.site_id, '`+q.name+`' AS question,
  CAST(SUM(CASE WHEN `+c+` = 2 THEN 1 ELSE 0 END) AS BIGINT) AS yes, CAST(SUM(CASE WHEN `+c+` = 1 THEN 1 ELSE 0 END) AS BIGINT) AS partly,
  CAST(SUM(CASE WHEN `+c+` = 0 THEN 1 ELSE 0 END) AS BIGINT) AS no, CAST(SUM(CASE WHEN `+c+` < 0 THEN 1 ELSE 0 END) AS BIGINT) AS unknown
FROM comply_sight k JOIN asset_asset a ON a.asset_id = k.asset_id JOIN org_site s ON s.site_no = k.site_no WHERE (? = '' OR s.site_id = ?) AND ? GROUP BY s.site_id ORDER BY s.site_id`,
				siteID, siteID, scope.Where("a.site_no", "a.zone_no"))
			if err != nil {
				return err
			}
			out = append(out, rows...)
		}
		return nil
	})
	return out, err
}
