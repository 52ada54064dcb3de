package config

import (
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strconv"

	"github.com/prometheus/common/model"
)

var (
	boolean  = scalar("true or false", strconv.ParseBool, "!!bool")
	integer  = scalar("a whole number", parseInteger, "!!int", "!!float") // 08 is a float to YAML
	duration = quantity("a duration such as 5s", parseDuration)
	size     = quantity("a size such as 500GB", parseSize)
)

func parseInteger(s string) (int, error) {
	v, err := strconv.Atoi(s)
	if err != nil {
		return 0, fmt.Errorf("%s is not a whole number in reach; write it in digits", clip(s))
	}
	return v, nil
}

func parseDuration(s string) (model.Duration, error) {
	if _, err := strconv.ParseUint(s, 10, 64); err == nil {
		return 0, fmt.Errorf("%s has no unit; write %ss for seconds", s, s)
	}
	d, err := model.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("%q is not a duration like 5s, 1h30m or 90d", clip(s))
	}
	return d, nil
}

var (
	sizeFormat = regexp.MustCompile(`^([0-9]{1,20}(?:\.[0-9]{1,20})?) ?([A-Za-z]*)$`)
	sizeUnits  = map[string]int64{
		"": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
		"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40,
	}
)

// parseSize reads bytes, exactly: 1.5TB is a whole number of them, 1.5 is not.
func parseSize(s string) (uint64, error) {
	match := sizeFormat.FindStringSubmatch(s)
	if match == nil || sizeUnits[match[2]] == 0 {
		return 0, fmt.Errorf("%q is not a size like 500GB, 1.5TB or 512MiB; the units are kB, MB, GB, TB and KiB, MiB, GiB, TiB", clip(s))
	}
	bytes, _ := new(big.Rat).SetString(match[1])
	bytes.Mul(bytes, new(big.Rat).SetInt64(sizeUnits[match[2]]))
	switch {
	case bytes.Sign() == 0:
		return 0, errors.New("must be more than 0; leave quota out for none")
	case !bytes.IsInt():
		return 0, fmt.Errorf("%s is not a whole number of bytes; write fewer decimals or add a unit", s)
	case !bytes.Num().IsUint64():
		return 0, fmt.Errorf("%s is more than can be counted; use at most 16777215TiB", s)
	}
	return bytes.Num().Uint64(), nil
}
