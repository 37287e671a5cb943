package record

import (
	"slices"
	"time"

	"github.com/skanse/skanse/internal/store"
)

// Name is an id with what people call it.
type Name struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// Item is a record in a list.
type Item struct {
	ID          string     `json:"id"`
	Type        string     `json:"type"`
	Ref         string     `json:"ref"`
	Title       string     `json:"title"`
	State       string     `json:"state"`
	SiteID      *string    `json:"site_id" doc:"null: the whole company"`
	EntityID    string     `json:"entity_id"`
	Zone        *Name      `json:"zone,omitempty"`
	Asset       *Name      `json:"asset,omitempty"`
	Owner       *Name      `json:"owner,omitempty"`
	Data        Values     `json:"data"`
	Version     int64      `json:"version"`
	ValidFrom   store.Time `json:"valid_from" nullable:"true"`
	ValidUntil  store.Time `json:"valid_until" nullable:"true"`
	ReviewAt    store.Time `json:"review_at" nullable:"true"`
	DueAt       store.Time `json:"due_at" nullable:"true"`
	CreatedAt   store.Time `json:"created_at"`
	UpdatedAt   store.Time `json:"updated_at"`
	ClosedAt    store.Time `json:"closed_at" nullable:"true"`
	Overdue     bool       `json:"overdue" doc:"Its due date, its review or its validity has passed and it is not closed"`
	Approval    string     `json:"approval" enum:"none,waiting,approved,rejected"`
	SecondDue   store.Time `json:"second_due" nullable:"true" doc:"Approved by one: until when a second person must look"`
	Links       int64      `json:"links"`
	Attachments int64      `json:"attachments"`
	Comments    int64      `json:"comments"`
}

func (s *Service) show(x *shown, names pageNames, now time.Time) Item {
	data := x.Data
	if t := s.types.Type(x.Type); t != nil && x.DataVersion < int64(t.DataVersion) {
		data = valuesOf(t.upgrade(data.Map(), x.DataVersion))
	}
	it := Item{
		ID: x.ID, Type: x.Type, Ref: x.Ref, Title: x.Title, State: x.State, EntityID: x.EntityID, Data: data, Version: x.Version, ValidFrom: x.ValidFrom, ValidUntil: x.ValidUntil,
		ReviewAt: x.ReviewAt, DueAt: x.DueAt, CreatedAt: x.CreatedAt, UpdatedAt: x.UpdatedAt, ClosedAt: x.ClosedAt, Approval: x.Approval, SecondDue: x.SecondDue, Links: x.Links, Attachments: x.Attachments, Comments: x.Comments,
		Overdue: x.ClosedAt.IsZero() && slices.ContainsFunc([]store.Time{x.DueAt, x.ReviewAt, x.ValidUntil, x.SecondDue}, func(t store.Time) bool { return !t.IsZero() && t.Before(now) }),
	}
	if id, ok := names.sites[x.SiteNo]; ok {
		it.SiteID = &id
	}
	if zone, ok := names.zones[x.ZoneNo]; ok {
		it.Zone = &zone
	}
	if x.AssetID != "" {
		it.Asset = &Name{x.AssetID, names.assets[x.AssetID].Label}
	}
	if x.OwnerID != "" {
		it.Owner = new(names.owners(x.OwnerID))
	}
	return it
}
