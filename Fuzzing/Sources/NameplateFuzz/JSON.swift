import ControlAPI
import Inventory

/// Whatever is read is written and read back the same, and so is every form that it may be.
func fuzzJSON(_ input: [UInt8]) {
  guard let value = try? JSONValue(parsing: input) else { return }
  expectEqual(try? JSONValue(parsing: value.bytes), value, "the value does not read back")
  expect(!value.bytes.contains(0x0A), "a line break in a line")
  checkForms(value)
}

/// Reads a value as each form that the control API has.
func checkForms(_ value: JSONValue) {
  if let resource = try? Resource(reading: value, makeID: { World.views[0].instance.id }) {
    _ = (resource.claims, resource.references)
    expectEqual(try? Resource(reading: resource.value), resource, "the resource does not read back")
    let record = Record(resource: resource, revision: 1, createdAtSeconds: 0)
    expectEqual(CatalogEntry(record).record, record, "the catalogue does not give it back")
  }
  if let record = Record(form: value) {
    expectEqual(Record(form: record.form), record, "the record does not read back")
  }
  if let page = RecordPage(form: value) {
    expectEqual(RecordPage(form: page.form), page, "the page does not read back")
  }
  if let problem = Problem(reading: value) {
    expectEqual(Problem(reading: problem.value), problem, "the problem does not read back")
  }
  if let line = ApplyLine(form: value) {
    expectEqual(ApplyLine(form: line.form), line, "the apply's line does not read back")
  }
  for name in ["put", "deleted", "password-set", "password-cleared"] {
    guard let event = WatchEvent(name: name, data: value) else { continue }
    expectEqual(
      WatchEvent(name: event.name, data: event.data), event, "the event does not read back")
  }
}
