// Audits an exported log with the Go project's own libraries (golang.org/x/mod/sumdb/tlog and note), which know
// nothing of this platform, and writes proofs and a note of its own for the platform to verify.
//
//	audit DIR < questions.json > answers.json
package main

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// tileHeight is the height C2SP tlog-tiles fixes; its paths leave it out.
const tileHeight = 8

type proof struct {
	Old    int64       `json:"old"`
	New    int64       `json:"new"`
	Root   tlog.Hash   `json:"root"`
	Hashes []tlog.Hash `json:"hashes"`
}

type questions struct {
	Inclusions    []proof `json:"inclusions"`
	Consistencies []proof `json:"consistencies"`
}

type answers struct {
	Entries       int64    `json:"entries"`
	Unverified    int      `json:"unverified"`
	TilePaths     []string `json:"tile_paths"`
	Inclusions    []proof  `json:"inclusions"`
	Consistencies []proof  `json:"consistencies"`
	Vkey          string   `json:"vkey"`
	Note          string   `json:"note"`
}

func check(err error, what string) {
	if err != nil {
		log.Fatalf("%s: %v", what, err)
	}
}

func read(parts ...string) []byte {
	data, err := os.ReadFile(filepath.Join(parts...))
	check(err, "read")
	return data
}

type tiles struct{ dir string }

func (t tiles) Height() int                         { return tileHeight }
func (t tiles) SaveTiles(_ []tlog.Tile, _ [][]byte) {}
func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, one := range wanted {
		data, err := os.ReadFile(filepath.Join(t.dir, path(one)))
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

func path(one tlog.Tile) string {
	return "tile/" + strings.TrimPrefix(one.Path(), fmt.Sprintf("tile/%d/", tileHeight))
}

func openCheckpoint(dir string) (*note.Note, tlog.Tree) {
	verifier, err := note.NewVerifier(strings.TrimSpace(string(read(dir, "vkey"))))
	check(err, "vkey")
	opened, err := note.Open(read(dir, "checkpoint"), note.VerifierList(verifier))
	check(err, "checkpoint")
	lines := strings.Split(opened.Text, "\n")
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err, "size")
	root, err := tlog.ParseHash(lines[2])
	check(err, "root")
	return opened, tlog.Tree{N: size, Hash: root}
}

// entries reads the bundles of a log of the given size.
func entries(dir string, size int64) [][]byte {
	var all [][]byte
	for n := int64(0); n*256 < size; n++ {
		width := 256
		if size-n*256 < 256 {
			width = int(size - n*256)
		}
		one := tlog.Tile{H: tileHeight, L: 0, N: n, W: width}
		bundle := read(dir, strings.Replace(path(one), "tile/0/", "tile/entries/", 1))
		for len(bundle) > 0 {
			end := 2 + int(binary.BigEndian.Uint16(bundle))
			all = append(all, bundle[2:end])
			bundle = bundle[end:]
		}
	}
	if int64(len(all)) != size {
		log.Fatalf("%d entries, checkpoint says %d", len(all), size)
	}
	return all
}

// rebuild computes every hash of the log from its entries alone.
func rebuild(all [][]byte) tlog.HashReader {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var found []tlog.Hash
		for _, index := range indexes {
			found = append(found, stored[index])
		}
		return found, nil
	})
	for n, entry := range all {
		hashes, err := tlog.StoredHashes(int64(n), entry, reader)
		check(err, "hashes")
		stored = append(stored, hashes...)
	}
	return reader
}

func main() {
	log.SetFlags(0)
	dir := os.Args[1]
	var ask questions
	check(json.NewDecoder(os.Stdin).Decode(&ask), "questions")
	opened, tree := openCheckpoint(dir)
	all := entries(dir, tree.N)
	reader := rebuild(all)
	root, err := tlog.TreeHash(tree.N, reader)
	check(err, "root")
	if root != tree.Hash {
		log.Fatalf("entries give root %v, checkpoint says %v", root, tree.Hash)
	}
	reply := answers{Entries: tree.N, Unverified: len(opened.UnverifiedSigs)}
	for _, one := range tlog.NewTiles(tileHeight, 0, tree.N) {
		// Go also lists the partial tiles of every smaller size; a log serves those of signed sizes.
		if whole := tree.N >> uint(tileHeight*one.L); one.W < 256 && int64(one.W) != whole%256 {
			continue
		}
		want, err := tlog.ReadTileData(one, reader)
		check(err, "tile")
		if string(want) != string(read(dir, path(one))) {
			log.Fatalf("tile %s differs", path(one))
		}
		reply.TilePaths = append(reply.TilePaths, path(one))
	}
	// From here on only what the tiles say, authenticated by Go against the signed root.
	served := tlog.TileHashReader(tree, tiles{dir})
	for _, one := range ask.Inclusions {
		check(tlog.CheckRecord(one.Hashes, one.New, one.Root, one.Old, tlog.RecordHash(all[one.Old])), "inclusion")
		made, err := tlog.ProveRecord(tree.N, one.Old, served)
		check(err, "prove record")
		reply.Inclusions = append(reply.Inclusions, proof{one.Old, tree.N, tree.Hash, made})
	}
	for _, one := range ask.Consistencies {
		oldRoot, err := tlog.TreeHash(one.Old, reader)
		check(err, "old root")
		check(tlog.CheckTree(one.Hashes, one.New, one.Root, one.Old, oldRoot), "consistency")
		made, err := tlog.ProveTree(tree.N, one.Old, served)
		check(err, "prove tree")
		reply.Consistencies = append(reply.Consistencies, proof{one.Old, tree.N, oldRoot, made})
	}
	skey, vkey, err := note.GenerateKey(rand.Reader, "go.example/auditor")
	check(err, "key")
	signer, err := note.NewSigner(skey)
	check(err, "signer")
	signed, err := note.Sign(&note.Note{Text: opened.Text}, signer)
	check(err, "sign")
	reply.Vkey, reply.Note = vkey, base64.StdEncoding.EncodeToString(signed)
	check(json.NewEncoder(os.Stdout).Encode(reply), "answers")
}
