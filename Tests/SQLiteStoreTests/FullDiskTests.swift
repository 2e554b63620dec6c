import Foundation
import Inventory
import SQLiteStore
import Testing

#if os(Linux)
  @Suite("A full disk", .serialized, .enabled(if: getuid() == 0, "mounting takes root"))
  struct FullDiskTests {
    @Test("a commit that finds no space is refused whole, and works once there is space")
    func commit() async throws {
      try await withSmallDisk { directory in
        let store = try directory.open()
        defer { store.close() }
        try await store.put(try instance(1, "10.0.0.1"))
        let ballast = directory.path + "/ballast"
        _ = FileManager.default.createFile(atPath: ballast, contents: Data(count: 256 * 1024))
        let before = try await store.load()
        let many = try (2...2000).map { Mutation.put(try instance($0, name: "n\($0)")) }
        await #expect(throws: full(directory)) {
          try await store.commit(many, now: 1, dryRun: false)
        }
        let after = try await store.load()
        #expect(after.revision == before.revision)
        #expect(after.records == before.records)
        try FileManager.default.removeItem(atPath: ballast)
        try await store.put(try instance(2))
        #expect(try await store.load().revision == before.revision + 1)
      }
    }

    @Test("a store that is filled to the brim is sound when it is opened again")
    func brim() async throws {
      try await withSmallDisk { directory in
        let store = try directory.open()
        var refusal: StoreError?
        var last: Revision = 0
        for number in 1...5000 {
          if refusal != nil { break }
          do {
            last = try await store.put(try instance(number)).revision
          } catch {
            refusal = error as? StoreError
          }
        }
        #expect(refusal == full(directory))
        #expect(try await store.load().revision == last)
        store.close()
        let reopened = try directory.open()
        defer { reopened.close() }
        #expect(try await reopened.load().revision == last)
      }
    }

    @Test("a store cannot be made on a full disk, and is made once there is space")
    func opening() async throws {
      try await withSmallDisk { directory in
        let ballast = directory.path + "/ballast"
        _ = FileManager.default.createFile(atPath: ballast, contents: nil)
        let handle = try #require(FileHandle(forWritingAtPath: ballast))
        while (try? handle.write(contentsOf: Data(count: 4096))) != nil {}
        try handle.close()
        #expect(throws: full(directory)) { try directory.open() }
        try FileManager.default.removeItem(atPath: ballast)
        let store = try directory.open()
        defer { store.close() }
        #expect(try await store.load().records.count == 1)
      }
    }

    @Test("a copy that finds no space elsewhere says nothing of the store")
    func backup() async throws {
      try await withStore { store in
        try await withSmallDisk { disk in
          _ = FileManager.default.createFile(
            atPath: disk.path + "/ballast", contents: Data(count: 1000 * 1024))
          await #expect {
            try await store.backup(to: disk.path + "/copy")
          } throws: { ($0 as? StoreError)?.description.contains("was not kept") == true }
          #expect(store.problem == nil)
        }
      }
    }

    private func full(_ directory: StateDirectory) -> StoreError {
      .full(
        "The disk that holds \(directory.path) is full and nothing was written; "
          + "free some space and try again")
    }

    /// A state directory on a file system of 1 MiB in memory.
    private func withSmallDisk(_ body: (StateDirectory) async throws -> Void) async throws {
      try await withStateDirectory { directory in
        try FileManager.default.createDirectory(
          atPath: directory.path, withIntermediateDirectories: true)
        try #require(
          unsafe mount("tmpfs", directory.path, "tmpfs", 0, "size=1m") == 0,
          "tmpfs cannot be mounted here")
        defer { unsafe umount(directory.path) }
        try await body(directory)
      }
    }
  }
#endif
