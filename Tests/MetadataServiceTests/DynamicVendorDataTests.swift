import Dialects
import Inventory
import MetadataService
import Synchronization
import TestKit
import Testing

@Suite("Dynamic vendor data")
struct DynamicVendorDataTests {
  final class Targets: VendorDataFetching {
    let calls = Mutex<[String]>([])
    func fetch(_ target: VendorDataTarget, request: JSONValue) async -> JSONValue? {
      calls.withLock { $0.append(target.name) }
      return target.name == "broken" ? nil : ["you": request["instance-id"] ?? .null]
    }
  }

  static func answer(_ names: [String], fatal: Bool) async throws -> (GuestAnswer, [String]) {
    let targets = Targets()
    let vendorData = DynamicVendorData(
      targets: names.map { VendorDataTarget(name: $0, url: "http://127.0.0.1/") },
      fetcher: targets, failureIsFatal: fatal, now: { 0 })
    let catalog = LiveCatalog()
    let store = MemoryStore()
    let record = Examples.instance(1, interfaces: #"[{"address": "10.0.0.5"}]"#)
    _ = try await store.commit(
      [.put(try Resource(reading: try JSONValue(parsing: record)))], now: 0, dryRun: false)
    catalog.replace(with: Catalog(try await store.load()))
    let service = MetadataService(
      catalog: catalog, store: store, settings: .init(vendorData: ["site": "lab"]),
      vendorData: vendorData,
      environment: .init(
        now: { 0 }, randomBytes: { [UInt8](repeating: 0, count: $0) }, sleep: { _ in },
        refused: { _, _ in }))
    let request = GuestRequest(
      Question(method: .get, target: Array("/openstack/latest/vendor_data2.json".utf8)),
      network: nil,
      source: .v4(0x0A00_0005))
    let answer = try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { await vendorData.run() }
      defer { group.cancelAll() }
      var last: GuestAnswer?
      for _ in 0..<2 {
        switch service.answer(request) {
        case .answer(let answer): last = answer
        case .wait(let pending): last = await service.finish(pending)
        }
      }
      return try #require(last)
    }
    return (answer, targets.calls.withLock { $0 })
  }

  @Test("each target is asked once and its answer kept; a failed one is empty")
  func kept() async throws {
    let (answer, calls) = try await Self.answer(["a", "broken", "static", "a"], fatal: false)
    #expect(
      String(decoding: answer.body, as: UTF8.self)
        == #"{"static": {"site": "lab"}, "a": {"you": "00000000-0000-4000-8000-000000000001"}, "broken": {}}"#
    )
    #expect(calls.sorted() == ["a", "broken"])
  }

  @Test("where a failure is fatal, the document is refused")
  func fatal() async throws {
    let (answer, _) = try await Self.answer(["broken"], fatal: true)
    #expect(answer.status == 500)
    #expect(answer.refusal?.code == "vendor-data-failed")
  }
}
