import Dialects
import Foundation
import Inventory
import Manifest
import MetadataService
import Synchronization
import TestKit

/// A metadata service with the instances of the tests' fixtures, shared by the targets.
enum World {
  /// The address of a declared instance.
  static let address = IPAddress.v4(0x0A14_000F)
  /// Another instance's.
  static let otherAddress = IPAddress.v4(0x0A14_0010)

  static let catalog: Catalog = {
    let entries =
      resources("Tests/DialectsTests/Fixtures/manifest.yaml")
      + resources("Tests/DialectsTests/Fixtures/clients-manifest.yaml")
    let records = entries.map { resource in
      Record(
        resource: resource, revision: 1, createdAtSeconds: 1_793_528_430,
        ec2InstanceID: resource.instance?.id.ec2InstanceIDCandidates.first)
    }
    return Catalog(InventorySnapshot(revision: 1, records: records))
  }()

  static let views: [InstanceView] = catalog.records(.instance)
    .compactMap(\.resource.instance)
    .compactMap { catalog.view(of: $0.id) }

  static func input(_ view: InstanceView) -> RenderInput {
    RenderInput(
      view: view, settings: RenderSettings(dhcpDomain: "novalocal", vendorData: ["a": [1, "b"]]),
      sourceAddress: view.instance.firstAddress?.ip, askedAtSeconds: 1_782_864_000,
      randomSeedText: Base64.encodedBytes(Array(repeating: 0xA5, count: 512)),
      dynamicVendorData: [(name: "target", answer: ["c": true])])
  }

  /// The tests' service; making it takes an asynchronous call, once.
  private static let service: MetadataService = {
    let box = Mutex<ServiceFixture?>(nil)
    let isDone = DispatchSemaphore(value: 0)
    Task.detached {
      let documents = [(1, address), (2, otherAddress)].map { number, address in
        """
        {"kind": "Instance", "id": "00000000-0000-4000-8000-00000000000\(number)", "hostname": "h",
         "userData": "#cloud-config", "interfaces": [{"address": "\(address)"}]}
        """
      }
      let fixture = try? await ServiceFixture(documents)
      box.withLock { $0 = fixture }
      isDone.signal()
    }
    isDone.wait()
    guard let fixture = box.withLock({ $0 }) else { stop("the service cannot be made") }
    return fixture.service
  }()

  /// The answer to a guest's request; a request that must wait is answered as if its time were over.
  static func answer(to request: GuestRequest) -> GuestAnswer {
    // A password is written to the store, by a task that nobody here waits for.
    guard request.method != .post else { return GuestAnswer(refusal: .notFound) }
    switch service.answer(request) {
    case .answer(let answer):
      expect((200..<600).contains(answer.status), "an answer of status \(answer.status)")
      expect((answer.status >= 400) == (answer.refusal != nil), "\(answer.status) without a reason")
      return answer
    case .wait: return GuestAnswer(refusal: .notFound)
    }
  }

  private static func resources(_ path: String) -> [Inventory.Resource] {
    guard let data = FileManager.default.contents(atPath: path),
      let entries = try? readManifest(text: String(decoding: data, as: UTF8.self), name: path)
    else { stop("\(path) cannot be read; run this in the root of the checkout") }
    return entries.map(\.resource)
  }

  private static func stop(_ sentence: String) -> Never {
    FileHandle.standardError.write(Data("\(sentence)\n".utf8))
    exit(2)
  }
}
