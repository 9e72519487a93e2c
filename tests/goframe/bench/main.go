// Command bench is GoFrame's HTTP server with one of its session storages, as the benchmark measures it.
//
//	bench -storage bare|memory|file|redis|redis-hash [-dir FOLDER] [-redis redis://127.0.0.1:6379]
//	      [-slow 50ms] [-keys 40]
//
// It prints the port that it listens on, and ends when its standard input closes. One worker, as all servers of the
// benchmark have: one processor for Go's scheduler, the garbage collector included.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	_ "github.com/gogf/gf/contrib/nosql/redis/v2"
	"github.com/gogf/gf/v2/database/gredis"
	"github.com/gogf/gf/v2/net/ghttp"
	"github.com/gogf/gf/v2/os/gsession"
)

// GoFrame's default lifetime of a session.
const lifetime = 24 * time.Hour

func main() {
	storage := flag.String("storage", "", "bare, memory, file, redis or redis-hash")
	folder := flag.String("dir", "", "where the file storage keeps its files")
	url := flag.String("redis", "", "URL of the Redis server")
	slow := flag.Duration("slow", 50*time.Millisecond, "how long /slow waits")
	keys := flag.Int("keys", 40, "how many keys /keys looks for")
	flag.Parse()
	runtime.GOMAXPROCS(1)

	// Of this package and not of g, which looks for configuration files.
	server := ghttp.GetServer("bench")
	server.SetAddr("127.0.0.1:0")
	server.SetDumpRouterMap(false)
	server.SetAccessLogEnabled(false)
	server.SetErrorLogEnabled(false)
	server.Logger().SetStdoutPrint(false)
	server.SetSessionMaxAge(lifetime)
	server.SetSessionStorage(newStorage(*storage, *folder, *url))
	if *storage == "bare" {
		routesWithoutSessions(server)
	} else {
		routes(server, *slow, *keys)
	}
	if err := server.Start(); err != nil {
		fail(err.Error())
	}
	fmt.Println(server.GetListenedPort())
	// Whatever comes, or fails, nobody is there any more.
	_, _ = os.Stdin.Read(make([]byte, 1))
}

func newStorage(name, folder, url string) gsession.Storage {
	switch name {
	case "bare", "memory":
		// No server of GoFrame's is without a storage; of a bare one it is not used.
		return gsession.NewStorageMemory()
	case "file":
		if folder == "" {
			fail("the file storage needs -dir")
		}
		return gsession.NewStorageFile(folder, lifetime)
	case "redis":
		return gsession.NewStorageRedis(connect(url))
	case "redis-hash":
		return gsession.NewStorageRedisHashTable(connect(url))
	}
	fail(fmt.Sprintf("no such storage: %q", name))
	return nil
}

func connect(url string) *gredis.Redis {
	address, isURL := strings.CutPrefix(url, "redis://")
	if !isURL {
		fail("a storage in Redis needs -redis redis://HOST:PORT")
	}
	// As many connections as may be open may also stay open. With GoFrame's default of 10, most of the cost of 32
	// requests at a time would be that of connecting again and again.
	client, err := gredis.New(&gredis.Config{Address: address, MaxIdle: 100, MaxActive: 100})
	if err != nil {
		fail(err.Error())
	}
	return client
}

func fail(problem string) {
	fmt.Fprintln(os.Stderr, "bench:", problem)
	os.Exit(2)
}
