import Dialects
public import Inventory
public import MetadataService

extension RenderedDrive {
  /// The drive in an answer; ``init(form:)`` reads it back.
  public var form: JSONValue {
    .object([
      ("layout", .string(layout.rawValue)), ("label", .string(layout.label)),
      ("revision", JSONValue(revision: revision)),
      (
        "files",
        .array(
          files.map { file in
            .object([
              ("path", .string(file.path)), ("contentBase64", .string(Base64.encode(file.bytes))),
            ])
          })
      ),
    ])
  }

  /// Reads a drive's form; nil where the value is none.
  public init?(form value: JSONValue) {
    guard let layout = value["layout"]?.string.flatMap({ DriveLayout(rawValue: $0) }),
      let revision = value["revision"]?.revision, let forms = value["files"]?.array
    else { return nil }
    let files = forms.compactMap { form -> DriveFile? in
      guard let path = form["path"]?.string,
        let bytes = form["contentBase64"]?.string.flatMap(Base64.decode)
      else { return nil }
      return DriveFile(path: path, bytes: bytes)
    }
    guard files.count == forms.count else { return nil }
    self.init(layout: layout, revision: revision, files: files)
  }
}
