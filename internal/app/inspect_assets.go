package app

import (
	"github.com/skanse/skanse/catalog/vendors"
	"github.com/skanse/skanse/internal/asset"
)

// assetCatalogue reads what tells vendors, fields and roles.
func assetCatalogue() (*asset.Catalogue, error) { return asset.LoadCatalogue(vendors.OUI) }
