import Inventory
import Testing

@Suite("Fixtures in the catalogue")
struct CatalogFixtureTests {
  @Test("come out as they were put in", arguments: ["manifest.yaml", "clients-manifest.yaml"])
  func roundTrip(name: String) throws {
    let resources = try Fixture.resources(name)
    #expect(resources.contains { $0.kind == .instance })
    for resource in resources {
      let record = Record(resource: resource, revision: 3, createdAtSeconds: 4)
      #expect(CatalogEntry(record).record == record)
    }
  }
}
