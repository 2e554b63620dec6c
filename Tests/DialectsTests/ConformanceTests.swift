import Dialects
import Inventory
import Testing

/// Every recorded GET and HEAD, answered again.
@Suite("What the real Nova answered")
struct ConformanceTests {
  private struct Compared {
    let nova: RecordedAnswer
    let ours: OurAnswer
    let aspects: Set<Aspect>
  }

  private func replayed() throws -> [Compared] {
    var world = try World.recorded()
    var compared: [Compared] = []
    for nova in try RecordedAnswer.all() {
      if nova.method == "POST", nova.section == "password", nova.status == 200,
        !nova.requestBody.isEmpty, let hostname = nova.hostname
      {
        try world.set(password: nova.requestBody, of: hostname)
      }
      guard ["GET", "HEAD"].contains(nova.method) else { continue }
      let ours = try answer(nova, in: world)
      compared.append(
        Compared(nova: nova, ours: ours, aspects: Aspect.differing(nova, ours)))
    }
    return compared
  }

  private func answer(_ nova: RecordedAnswer, in world: World) throws -> OurAnswer {
    guard let target = try? RequestTarget(parsing: Array(nova.path.utf8)) else { return .malformed }
    let view: InstanceView
    if let hostname = nova.hostname {
      view = try world.view(hostname)
    } else {
      let source = try #require(IPAddress(nova.source))
      guard case .instance(let known) = world.catalog.find(source, on: nil) else {
        return .notFound
      }
      view = known
    }
    return try world.node(target, view).map { .document($0.document) } ?? .notFound
  }

  @Test("each answer is Nova's to the byte, or differs in a way that is listed")
  func answers() throws {
    let compared = try replayed()
    #expect(compared.count > 1000)
    for one in compared {
      for aspect in one.aspects {
        let isKnown = KnownDifference.all.contains {
          $0.aspect == aspect && $0.matches(one.nova, one.ours)
        }
        #expect(
          isKnown,
          """
          \(one.nova): \(aspect) differs. Nova: \(one.nova.status ?? 0) \
          \(String(decoding: one.nova.body.prefix(2000), as: UTF8.self)) \
          Ours: \(one.ours.status) \(one.ours.lines.joined(separator: "\n"))
          """)
      }
    }
  }

  @Test("each listed difference still occurs")
  func differences() throws {
    let compared = try replayed()
    for difference in KnownDifference.all {
      let occurs = compared.contains {
        $0.aspects.contains(difference.aspect) && difference.matches($0.nova, $0.ours)
      }
      #expect(occurs, "no longer: \(difference.reason)")
    }
  }

  @Test("the interfaces text that Nova recorded is rendered from the declared networks")
  func interfacesText() throws {
    let recorded = try #require(
      RecordedAnswer.all().first { $0.path == "/openstack/content/0000" && $0.status == 200 })
    let resources = try Fixture.resources("manifest.yaml").map { resource in
      guard case .instance(var instance) = resource else { return resource }
      instance.injectedNetworkConfig = nil
      return .instance(instance)
    }
    let text = try World(resources).text("/openstack/content/0000", "web-01")
    #expect(text == String(decoding: recorded.body, as: UTF8.self))
  }
}
