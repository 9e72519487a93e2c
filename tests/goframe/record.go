package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"time"

	"github.com/gogf/gf/v2/database/gredis"
	"github.com/gogf/gf/v2/os/gsession"
	"github.com/gogf/gf/v2/os/gtime"
)

// recorded is what was stored under one key, and what GoFrame makes of it.
type recorded struct {
	Storage string            `json:"storage"`
	Prefix  string            `json:"prefix"`
	ID      string            `json:"id"`
	Key     string            `json:"key"`
	Type    string            `json:"type"`
	Seconds int64             `json:"seconds"`
	Value   string            `json:"value_base64,omitempty"`
	Fields  map[string]string `json:"fields_base64,omitempty"`
	Read    map[string]read   `json:"read"`
}

type read struct {
	Text string `json:"text"`
	Type string `json:"type"`
}

type person struct {
	Name string `json:"name"`
	Age  int
}

func values() map[string]any {
	moment := time.Date(2026, 1, 2, 3, 4, 5, 600, time.UTC)
	return map[string]any{
		"ascii": "ada", "unicode": "Ångström ⛵ 名", "marks": `quote " < > & back\slash / ` + "\u2028 line\nbreak", "empty": "",
		"digits": "123456", "zeros": "007", "word_true": "true", "word_null": "null", "json_like": `{"a":1}`,
		"int": 42, "negative": -7, "big": int64(9007199254740993), "huge": uint64(18446744073709551615),
		"float": 1.5, "float_big": 1e21, "float_small": 1e-7, "float_whole": 3.0, "true": true, "false": false, "nil": nil,
		"strings": []string{"a", "b<c"}, "numbers": []int{1, 2}, "nested": map[string]any{"z": 1, "a": []any{nil, true, "x"}},
		"struct": person{"Ada", 36}, "time": moment, "gtime": gtime.NewFromTime(moment), "bytes": []byte("bin\x00\xff"),
		"empty_map": map[string]any{}, "empty_list": []string{},
	}
}

func record(ctx context.Context, client *gredis.Redis, ttl time.Duration, out string) error {
	var all []recorded
	for _, storage := range []string{"redis", "redis-hash"} {
		for _, prefix := range []string{"", "app:"} {
			manager := gsession.New(ttl, newStorage(client, storage, prefix))
			id := fmt.Sprintf("gf%s%s0123456789abcdefghijklmn", map[string]string{"redis": "kv", "redis-hash": "ht"}[storage], map[bool]string{true: "00", false: "pr"}[prefix == ""])
			session := manager.New(ctx, id)
			for key, value := range values() {
				if err := session.Set(key, value); err != nil {
					return fmt.Errorf("%s %s: %w", storage, key, err)
				}
			}
			if err := session.Close(); err != nil {
				return err
			}
			one := recorded{Storage: storage, Prefix: prefix, ID: id, Key: prefix + id, Read: map[string]read{}}
			if err := one.look(ctx, client); err != nil {
				return err
			}
			again := manager.New(ctx, id)
			names := make([]string, 0)
			for key := range values() {
				names = append(names, key)
			}
			sort.Strings(names)
			for _, key := range names {
				value, err := again.Get(key)
				if err != nil {
					return err
				}
				if value != nil {
					one.Read[key] = read{value.String(), fmt.Sprintf("%T", value.Val())}
				}
			}
			all = append(all, one)
		}
	}
	text, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(out, append(text, '\n'), 0o644)
}

// look writes down what Redis holds.
func (r *recorded) look(ctx context.Context, client *gredis.Redis) error {
	kind, err := client.Do(ctx, "TYPE", r.Key)
	if err != nil {
		return err
	}
	r.Type = kind.String()
	left, err := client.Do(ctx, "TTL", r.Key)
	if err != nil {
		return err
	}
	r.Seconds = left.Int64()
	if r.Type == "string" {
		value, err := client.Do(ctx, "GET", r.Key)
		r.Value = base64.StdEncoding.EncodeToString(value.Bytes())
		return err
	}
	fields, err := client.Do(ctx, "HGETALL", r.Key)
	if err != nil {
		return err
	}
	r.Fields = map[string]string{}
	for field, value := range fields.MapStrStr() {
		r.Fields[field] = base64.StdEncoding.EncodeToString([]byte(value))
	}
	return nil
}
