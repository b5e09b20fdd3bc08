# altavoz: everything a developer runs. `make` lists it; CONTRIBUTING.md says when to run what.
#
# With CI=true nothing is skipped: a missing Java or Redis is a failure. Elsewhere it is one loud line.
SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS   += --no-print-directory
.DEFAULT_GOAL := help
export CI

# The suites of the packages in test, by the names of their tests; everything else is unit.
END_TO_END := ^Test(EndToEnd|Real)
SIMULATION := ^TestSim
MUTATIONS  := ^TestMutants$$

# What a suite may take, on two cores.
UNIT_TIME := 8m
E2E_TIME  := 8m
SIM_LIMIT := 3m
MUT_TIME  := 5m

# How many packages' tests run at once: some of them wait for real time.
UNIT_PARALLEL := 3
# How many tests of the whole path run at once: they wait more than they compute, half of the time for a Kafka of their own.
E2E_PARALLEL := 4
# How many mutants run at once: the slowest ones wait half a minute for what does not come.
MUT_PARALLEL := 10

# Minutes of faults of `make chaos`, in both settings together unless SETTING=embedded or kafka.
MINUTES  ?= 2
SETTING  ?=
SEEDS    ?=
SEED     ?=
FIRST    ?=
TRIES    ?=
SIM_TIME ?= 45s
KILLS    ?= 20
# The commit before the formats of ledgers changed.
UPGRADE_FROM ?= a5df55f
FUZZTIME ?= 10s
PHONES   ?=
SECONDS  ?=
ROW      ?=
ROUNDS   ?=
ROLE     ?=
# lint runs go vet, of all packages and with all its checks. Without what debuggers read a test links in two thirds of the time.
TEST     := go test -vet=off -ldflags='-s -w'

# In CI unit runs under the race detector, which is a C library, where code or tests have goroutines or locks of their own; elsewhere it could only find
# what parallel tests share.
GOROUTINES := (^|[^a-zA-Z])go (func|[a-zA-Z_.]+\()|"sync"|"sync/atomic"|"testing/synctest"|"net/http"|<-
racing  = grep -rlE --include='*.go' '$(GOROUTINES)' . | xargs -n 1 dirname | sort -u
others  = comm -23 <(go list -f '{{.Dir}}' ./... | sed "s:^$$PWD:.:" | sort) <($(racing))
unit_of = $(TEST) -p $(UNIT_PARALLEL) -timeout $(UNIT_TIME) -skip '$(END_TO_END)|$(SIMULATION)|$(MUTATIONS)'

# The same commit makes the same bytes: no paths, no build id, and the version is what git says or VERSION.
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null)
BUILD   := CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags='-buildid= -X altavoz/app/version.stamped=$(VERSION)'

# $(call timed,name,command): runs it and says how long it took, however it ended.
timed = @start=$$(date +%s); trap 'echo "== $(1): $$(($$(date +%s) - start)) s"' EXIT; $(2)

# $(call checker,command,arguments): runs a checker of another language, or says that it is missing.
checker = @if command -v $(1) >/dev/null; then echo "$(1) $(2)"; $(1) $(2); \
	else echo "**** SKIPPING $(1): not installed"; [ "$(CI)" != true ]; fi

# $(call present,pattern,package): go test is content when a pattern matches no test; a suite is not.
present = @$(TEST) -list '$(1)' $(2) | grep ^Test >/dev/null || { echo "$(2) has no test named $(1)"; exit 1; }

##@ Try it
up: ## the whole of altavoz in one process, on 127.0.0.1:8080
	go run ./cmd/altavoz up

build: ## bin/altavoz, static, as in the image
	$(BUILD) -o bin/altavoz ./cmd/altavoz

##@ Check it
test: unit e2e sim mutants ## every suite

unit: ## unit, property, golden, fuzz-seed and layout tests
ifeq ($(CI),true)
	$(call timed,unit with the race detector,CGO_ENABLED=1 $(unit_of) -race $$($(racing)))
	$(call timed,unit without it,$(unit_of) $$($(others)))
else
	$(call timed,unit,$(unit_of) ./...)
endif

e2e: real-servers ## the whole path, embedded and on a real Kafka and Redis that the tests start, and the scripts of the command line
	$(call present,$(END_TO_END),./test/e2e)
	$(call timed,e2e,$(TEST) -count=1 -timeout $(E2E_TIME) -parallel $(E2E_PARALLEL) -run '$(END_TO_END)' ./test/e2e ./test/chaos ./cmd/altavoz)

# As many histories as fit into SIM_TIME; SEEDS=10000 as many as that, FIRST=5001 from there on, SEED=17 that one.
sim: ## all stages in fake time with seeded faults: SEEDS=10000, or SEED=17 TRIES=20 to see one again
	$(call present,$(SIMULATION),./test/sim)
	$(if $(SEEDS)$(SEED),,$(call timed,histories of the stages,$(TEST) -count=1 -run '$(SIMULATION)' ./kafka ./kafka/table ./processor/aggregator ./processor/callbacks ./processor/fanout ./processor/fanout/recipients ./processor/sender ./processor/sender/dedup ./processor/sender/limits ./producer ./producer/dryrun ./producer/export ./producer/history ./producer/retry ./schemas/hours ./schemas/lastinbound ./schemas/optout))
	@mkdir -p .cache && $(TEST) -c -o .cache/sim.test ./test/sim
	$(call timed,sim,cd test/sim && SIM_TIME=$(if $(SEEDS)$(SEED),,$(SIM_TIME)) SIM_SEEDS=$(SEEDS) SIM_FIRST=$(FIRST) SIM_SEED=$(SEED) \
		SIM_TRIES=$(TRIES) GOGC=400 ../../.cache/sim.test -test.timeout $(if $(SEEDS)$(SEED),0,$(SIM_LIMIT)) $(if $(SEED),-test.v) \
		-test.run '$(SIMULATION)')

mutants: ## each safeguard is taken out of the code once: the test that is named for it must turn red
	$(call present,$(MUTATIONS),./test/mutants)
	$(call timed,mutants,$(TEST) -count=1 -timeout $(MUT_TIME) -parallel $(MUT_PARALLEL) -run '$(MUTATIONS)' ./test/mutants)

# The real binary on real servers, hurt at random moments. In `make e2e` the same for some seconds.
chaos: real-servers ## faults at random moments for MINUTES=2, then who got what: SEED=17 SETTING=kafka or embedded
	$(call timed,chaos,CHAOS_MINUTES=$(MINUTES) CHAOS_SEED=$(SEED) CHAOS_SETTING=$(SETTING) \
		go test -count=1 -v -timeout 0 -run '^TestEndToEndChaos' ./test/chaos)

recovery: real-servers ## how soon it works again: KILLS=20 a role, the broker killed and stopped, the disk full
	$(call timed,recovery,RECOVERY_KILLS=$(KILLS) go test -count=1 -v -timeout 0 -run '^TestEndToEndRecovery' ./test/chaos)

upgrade: real-servers ## processes of UPGRADE_FROM=a5df55f and of this version together, in both orders, on a real Kafka; some 10 minutes
	$(call timed,upgrade,UPGRADE_FROM=$(UPGRADE_FROM) go test -count=1 -v -timeout 0 -run '^TestUpgrade$$' ./test/chaos)

fuzz: ## every fuzz test for FUZZTIME=10s
	@grep -rl --include='*_test.go' '^func Fuzz' . | while read -r file; do \
		for name in $$(sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\).*/\1/p' "$$file"); do \
			go test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 100x "$$(dirname "$$file")"; done; done

# Rows bound themselves, so that they can end what they started.
bench_env = BENCH_ROW=$(ROW) BENCH_PHONES=$(PHONES) BENCH_SECONDS=$(SECONDS) BENCH_BINARY=$(BINARY)

bench: real-servers ## speed, CPU and Kafka requests a send, beside bare loops; some 30 minutes. One row once: ROW=limited80 ROUNDS=1 (PHONES, SECONDS); of another build: BINARY=/path
	BENCH_ROUNDS=$(ROUNDS) $(bench_env) go test -run '^$$' -bench '^BenchmarkTable$$' -benchtime 1x -timeout 0 ./test/bench

profile: real-servers ## a CPU profile of ROLE=sender (fanout, aggregator, producer, up) under the load of a row, and its top 30: ROW=limited80 SECONDS=20
	PROFILE_ROLE=$(ROLE) $(bench_env) go test -run '^$$' -bench '^BenchmarkProfile$$' -benchtime 1x -timeout 0 ./test/bench

# It bounds itself (four times SECONDS and 8 minutes at most), so that it can end what it started.
bench-fair: real-servers ## who waits for whom, on a real Kafka: PHONES=1000000 go out, SECONDS=60 are measured; some 5 minutes
	FAIR_PHONES=$(PHONES) FAIR_SECONDS=$(SECONDS) BENCH_BINARY=$(BINARY) go test -run '^$$' -bench '^BenchmarkFair$$' -benchtime 1x -timeout 0 ./test/bench

lint: lint-go lint-generated lint-deploy ## formatting, golangci-lint, buf lint and breaking, generated code current, deploy files

lint-go: bin/golangci-lint bin/gofumpt
	$(call timed,gofumpt,files=$$(bin/gofumpt -l .); [ -z "$$files" ] || { echo "run gofumpt -w on: $$files"; exit 1; })
	$(call timed,go vet,go vet ./...)
	$(call timed,go mod tidy,go mod tidy -diff)
	$(call timed,golangci-lint,bin/golangci-lint run)

# Generates into a folder of its own: the work tree may hold changes that are not committed yet.
lint-generated: bin/buf
	$(call timed,buf lint,bin/buf lint)
	$(call timed,buf breaking,bin/buf breaking --against schemas/released.binpb)
	$(call timed,generated code,rm -rf .cache/generated && bin/buf generate -o .cache/generated && \
		git diff --no-index --exit-code .cache/generated/schemas/events.pb.go schemas/events.pb.go || \
		{ echo "run make generate"; exit 1; })

lint-deploy:
	$(call checker,shellcheck,-x -P SCRIPTDIR .ci/run deploy/digests deploy/local.sh deploy/*/run examples/*.sh)
	$(call checker,yamllint,--strict .)
	$(call checker,promtool,check config deploy/prometheus.yml)
	$(call checker,promtool,test rules deploy/rules/*_test.yml)

# Without the network there is no database; then nothing was checked, which must not look like "nothing was found".
VULN_DB ?= $(or $(GOVULNDB),https://vuln.go.dev)
vuln: bin/govulncheck ## known holes in what is linked; says so when the vulnerability database can't be reached
	@mkdir -p .cache; code=0; bin/govulncheck -db $(VULN_DB) ./... >.cache/vuln.txt 2>&1 || code=$$?; cat .cache/vuln.txt; \
	case $$code in 0) ;; 3) exit 3 ;; *) grep -q 'fetching vulnerabilities' .cache/vuln.txt || exit $$code; \
		echo "**** NOT CHECKED: no vulnerability database at $(VULN_DB); set VULN_DB=file:///path to a copy"; [ "$(CI)" != true ];; esac

sbom: build ## bin/altavoz.cdx.json: what is linked into bin/altavoz, as CycloneDX
	bin/altavoz version --sbom >bin/altavoz.cdx.json.new && mv bin/altavoz.cdx.json.new bin/altavoz.cdx.json

# With caches of their own: a build that is taken from the other one's cache would prove nothing.
reproducible: ## two builds, in different folders and from nothing, have the same sha256; two minutes
	$(call timed,reproducible,commit=$$(git rev-parse HEAD); for n in one two; do rm -rf .cache/$$n && mkdir -p .cache/$$n/src && git archive $$commit | tar -x -C .cache/$$n/src && \
		(cd .cache/$$n/src && GOCACHE=$(CURDIR)/.cache/$$n/cache $(BUILD) -o ../altavoz ./cmd/altavoz); done; \
		sha256sum .cache/one/altavoz .cache/two/altavoz && cmp .cache/one/altavoz .cache/two/altavoz && rm -rf .cache/one .cache/two)

digests: ## pins the images of docker-compose.yml and the Dockerfile to what their tags mean now; needs a registry
	deploy/digests docker-compose.yml deploy/Dockerfile

##@ Build what they need
generate: bin/buf ## schemas/*.pb.go
	bin/buf generate

released: bin/buf ## schemas/released.binpb: the events of this version, which no later one may break; at a release
	bin/buf build --exclude-source-info -o schemas/released.binpb

tools: bin/golangci-lint bin/buf bin/gofumpt ## the tools of lint, in bin/

# Pinned in a module of their own, so that nobody who imports altavoz gets them. Built without the optimiser: that makes
# golangci-lint in 1.5 minutes instead of 4 (two cores, nothing cached), and a cold run of it takes 15 s instead of 8.
bin/%: TOOL_FLAGS = -gcflags='all=-N -l' -ldflags='-s -w'
bin/golangci-lint: package = github.com/golangci/golangci-lint/v2/cmd/golangci-lint
bin/buf: package = github.com/bufbuild/buf/cmd/buf
bin/gofumpt: package = mvdan.cc/gofumpt
bin/govulncheck: package = golang.org/x/vuln/cmd/govulncheck
bin/%: tools/go.mod tools/go.sum
	$(call timed,building $*,go build -modfile=tools/go.mod $(TOOL_FLAGS) -o $@ $(package))

# Fetches what the tests start by themselves; 3 means that something is not installed.
real-servers:
	@code=0; { deploy/kafka-local/run install && deploy/redis-local/run check; } || code=$$?; \
	if [ $$code = 3 ] && [ "$(CI)" != true ]; then \
		echo "**** SKIPPING every test on a real Kafka and a real Redis, for the reason above"; exit 0; fi; exit $$code

clean: ## removes what was built or fetched; data of `up` stays
	rm -rf bin .cache coverage.out
	go clean -testcache

help:
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {print "\n" substr($$0, 5)} /^[a-z0-9-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

.PHONY: up build test unit e2e sim mutants chaos recovery upgrade fuzz bench profile bench-fair lint lint-go lint-generated lint-deploy vuln sbom reproducible digests generate released tools real-servers clean help
