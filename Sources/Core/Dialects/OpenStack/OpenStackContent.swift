import Inventory

/// What stands under openstack/content: the interfaces text, if there is one, then the instance's
/// files in their order. The numbers go on from one to the other, as Nova's do.
struct OpenStackContent {
  let view: InstanceView

  /// How meta_data.json refers to a content: from the openstack directory on.
  static func path(of id: String) -> String { "/content/\(id)" }

  /// The instance's files with their numbers. They are for drives only.
  var files: [(id: String, file: InjectedFile)] {
    let first = InterfacesTemplate.exists(for: view) ? 1 : 0
    return view.instance.files.enumerated().map { offset, file in
      (id: OpenStackContent.id(first + offset), file: file)
    }
  }

  /// The numbers that answer on a drive, in their order.
  var idsOnDrive: [String] {
    (InterfacesTemplate.exists(for: view) ? [InterfacesTemplate.contentID] : []) + files.map(\.id)
  }

  func document(_ id: String, on carrier: RenderInput.Carrier) -> Document? {
    if id == InterfacesTemplate.contentID, let text = InterfacesTemplate.text(for: view) {
      return Document(text: text)
    }
    guard carrier == .drive else { return nil }
    return files.first { $0.id == id }.map { Document(.plainText, $0.file.content.revealed) }
  }

  /// Four digits.
  private static func id(_ number: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, 4 - digits.utf8.count)) + digits
  }
}
