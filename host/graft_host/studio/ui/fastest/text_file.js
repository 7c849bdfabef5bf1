// A button that reads a small text file in the browser and passes it on.
export default {
  template: `
    <label class="fastest-file">
      <input type="file" class="screen-reader" :accept="accept" @change="read">
      <span>{{ text }}</span>
    </label>`,
  props: { text: String, accept: String, most: Number },
  methods: {
    async read(event) {
      const file = event.target.files[0];
      event.target.value = "";
      if (!file) return;
      const content = file.size > this.most ? null : await file.text();
      this.$emit("file", { name: file.name, content });
    },
  },
};
