import Inventory
import Manifest

/// Whatever is read is written and read back the same, and each finding names a line of the text.
func fuzzManifests(_ input: [UInt8]) {
  let text = String(decoding: input, as: UTF8.self)
  do {
    let documents = try readDocuments(text: text, name: "m").map(\.value)
    let written = ManifestWriter.text(documents)
    expectEqual(
      (try? readDocuments(text: written, name: "w"))?.map(\.value),
      documents.filter { $0 != .null },
      "the documents do not read back from \(written)")
  } catch {
    check(error, text)
  }
  do {
    let entries = try readManifest(text: text, name: "m", makeID: { instanceID })
    for entry in entries {
      let resource = entry.resource
      expect(!resource.id.text.isEmpty, "a resource without an id")
      _ = (resource.claims, resource.references)
      expectEqual(try? Resource(reading: resource.value), resource, "the form does not read back")
      let record = Record(resource: resource, revision: 1, createdAtSeconds: 0)
      expectEqual(CatalogEntry(record).record, record, "the catalogue does not give it back")
    }
    let written = ManifestWriter.text(entries.map(\.resource.value))
    expectEqual(
      (try? readManifest(text: written, name: "w"))?.map(\.resource), entries.map(\.resource),
      "the manifest does not read back from \(written)")
  } catch {
    check(error, text)
  }
}

private let instanceID = InstanceID("00000000-0000-4000-8000-000000000001") ?? randomInstanceID()

private func check(_ error: ManifestError, _ text: String) {
  let lines =
    text.unicodeScalars.count { "\n\r\u{85}\u{2028}\u{2029}".unicodeScalars.contains($0) } + 2
  expect(!error.issues.isEmpty, "refused without a finding")
  for issue in error.issues {
    expect((1...lines).contains(issue.line), "line \(issue.line) of \(lines): \(issue)")
    expect(!issue.message.isEmpty, "a finding without words")
  }
}
