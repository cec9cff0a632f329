// The first file of this folder, so that its library links; it goes when the folder has another.
namespace tenon {}
