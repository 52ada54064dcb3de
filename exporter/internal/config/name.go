package config

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/prometheus/common/model"
)

// parseInterface holds to the kernel's rule (dev_valid_name) and IFNAMSIZ.
func parseInterface(s string) (string, error) {
	bad := func(r rune) bool { return r == '/' || r == ':' || !unicode.IsGraphic(r) || unicode.IsSpace(r) }
	if s == "" || len(s) > 15 || s == "." || s == ".." || strings.ContainsFunc(s, bad) {
		return "", fmt.Errorf("%q is not an interface name; use 1 to 15 characters without spaces, slashes and colons", clip(s))
	}
	return s, nil
}

// tableFormat is the identifier of nft's scanner (src/scanner.l, "string"). A bound
// in it would take 250 KB of memory.
var tableFormat = regexp.MustCompile(`^[A-Za-z_.][A-Za-z0-9/_.-]*$`)

const maxTable = 255 // NFT_TABLE_MAXNAMELEN, its closing zero byte not counted

func parseTable(s string) (string, error) {
	if len(s) > maxTable || !tableFormat.MatchString(s) {
		return "", fmt.Errorf("%q is not a table name nft can read; begin with a letter and use letters, digits and _", clip(s))
	}
	return s, nil
}

func parsePath(s string) (string, error) {
	if !path.IsAbs(s) || strings.ContainsFunc(s, unicode.IsControl) {
		return "", fmt.Errorf("%q is not an absolute path; begin with /", clip(s))
	}
	return path.Clean(s), nil
}

func parseName(s string) (string, error) { return parsePlain(s, 63) }

func parseLabelValue(s string) (string, error) { return parsePlain(s, 255) }

// parsePlain reads text that is fit for a label: visible, on one line.
func parsePlain(s string, most int) (string, error) {
	switch {
	case s == "":
		return "", errors.New("is empty; write something or leave the key out")
	case len(s) > most:
		return "", fmt.Errorf("%q is %d bytes long; use at most %d", clip(s), len(s), most)
	case strings.ContainsFunc(s, unicode.IsControl):
		return "", fmt.Errorf("%q holds control characters; remove them", clip(s))
	case s != strings.TrimSpace(s):
		return "", fmt.Errorf("%q begins or ends with a space; remove it", clip(s))
	}
	return s, nil
}

// ownLabels are on the exporter's metrics already, or set by Prometheus.
var ownLabels = []string{
	"branch", "description", "direction", "external_port", "goarch", "goos", "goversion", "hook", "hostname",
	"instance", "interface", "internal_port", "ip", "job", "le", "mac", "name_source", "protocol",
	"quantile", "random_mac", "reason", "revision", "source", "table", "tags",
	"type", "vendor", "version",
}

func checkLabel(name string) error {
	switch {
	case !model.LegacyValidation.IsValidLabelName(name):
		return errors.New("is not a label name; begin with a letter and use letters, digits and _")
	case strings.HasPrefix(name, "__"):
		return errors.New("begins with __, which Prometheus keeps for itself; choose another label name")
	case slices.Contains(ownLabels, name):
		return errors.New("is a label the exporter or Prometheus sets itself; choose another label name")
	}
	return nil
}
