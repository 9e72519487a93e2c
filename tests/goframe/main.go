// Command goframe is a real GoFrame service with its session storages on Redis, for tests that share sessions with it.
//
//	goframe serve  -listen 127.0.0.1:8200 -redis 127.0.0.1:6379 -storage redis|redis-hash [-prefix P] [-ttl 24h]
//	goframe record -redis 127.0.0.1:6379 -out recorded.json
//
// "serve" answers the routes of serve.go; "record" stores values of many kinds in an empty server and writes down what
// Redis then holds and what GoFrame reads back.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"time"

	_ "github.com/gogf/gf/contrib/nosql/redis/v2"
	"github.com/gogf/gf/v2/database/gredis"
	"github.com/gogf/gf/v2/os/gsession"
)

func main() {
	if len(os.Args) < 2 {
		usage("a command is missing: serve or record")
	}
	flags := flag.NewFlagSet(os.Args[1], flag.ExitOnError)
	listen := flags.String("listen", "127.0.0.1:0", "address to serve on")
	address := flags.String("redis", "127.0.0.1:6379", "address of the Redis server")
	storage := flags.String("storage", "redis", "redis or redis-hash")
	prefix := flags.String("prefix", "", "prefix of the keys")
	ttl := flags.Duration("ttl", 24*time.Hour, "lifetime of sessions")
	out := flags.String("out", "recorded.json", "file to write")
	_ = flags.Parse(os.Args[2:])
	client, err := gredis.New(&gredis.Config{Address: *address})
	if err != nil {
		usage(err.Error())
	}
	switch os.Args[1] {
	case "serve":
		serve(*listen, newStorage(client, *storage, *prefix), *ttl)
	case "record":
		if err := record(context.Background(), client, *ttl, *out); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	default:
		usage("no such command: " + os.Args[1])
	}
}

func newStorage(client *gredis.Redis, name, prefix string) gsession.Storage {
	switch name {
	case "redis":
		return gsession.NewStorageRedis(client, prefix)
	case "redis-hash":
		return gsession.NewStorageRedisHashTable(client, prefix)
	}
	usage("no such storage: " + name)
	return nil
}

func usage(problem string) {
	fmt.Fprintln(os.Stderr, "goframe:", problem)
	os.Exit(2)
}
